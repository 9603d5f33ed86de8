"""Weights from a file whose bytes are known: nothing else is ever loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from torch import Tensor

from ..errors import ClassifierMissing, WeightsMismatch


class FileState(NamedTuple):
    """A file as it is now; one that was replaced or touched has another."""

    path: Path
    size: int
    modified_ns: int


def file_state(path: Path) -> FileState:
    """Look at a weights file without reading it.

    Raises:
        ClassifierMissing: there is none, or it cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _missing(path, error) from error
    return FileState(path, status.st_size, status.st_mtime_ns)


def load_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    """Read a safetensors file as float32 tensors by name, if its sha256 (lower-case hex) is the given one.

    The bytes that are checked are the bytes that are loaded.

    Raises:
        ClassifierMissing: the file cannot be read.
        WeightsMismatch: it is not the expected file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _missing(path, error) from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise WeightsMismatch(
            f"The safe mode weights {path.name} have {len(data)} bytes with the sha256 {found}; "
            f"expected {sha256}. The file is damaged or was replaced: install multi-edit again."
        )
    return {name: tensor.to(torch.float32) for name, tensor in safetensors.torch.load(data).items()}


def _missing(path: Path, error: OSError) -> ClassifierMissing:
    return ClassifierMissing(
        f"The safe mode weights {path.name} cannot be read ({error.strerror}). "
        "Install multi-edit again, or switch safe mode off."
    )
