"""Weights from a file whose bytes are known: nothing else is ever loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ...common.errors import ClassifierMissing, WeightsMismatch
from .specs import ClassifierSpec


class FileState(NamedTuple):
    """A file as it is now; one that was replaced or touched has another."""

    path: Path
    size: int
    modified_ns: int


def file_state(path: Path, known: ClassifierSpec) -> FileState:
    """Look at a weights file without reading it.

    Raises:
        ClassifierMissing: there is none, or it cannot be looked at.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _missing(path, known, error) from error
    return FileState(path, status.st_size, status.st_mtime_ns)


def load_weights(
    path: Path, known: ClassifierSpec, allowed: Collection[str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Tensor], str]:
    """Read a safetensors file as float32 tensors by name, if its sha256 is an allowed one.

    The bytes that are checked are the bytes that are loaded.

    Args:
        allowed: sha256, lower-case hex.
        shapes: of every tensor that there must be, and none besides.

    Returns:
        The tensors, and the sha256 of the file.

    Raises:
        ClassifierMissing: the file cannot be read.
        WeightsMismatch: it is not a file that may be loaded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _missing(path, known, error) from error
    found = hashlib.sha256(data).hexdigest()
    if found not in allowed:
        raise WeightsMismatch(
            f"The safe mode weights {path.name} have {len(data)} bytes with the sha256 {found}; "
            f"expected {known.sha256}. The file is damaged or was replaced: {_again(known)}."
        )
    return _float32(data, path, known, shapes), found


def _float32(
    data: bytes, path: Path, known: ClassifierSpec, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Only a file of the user's own allow list can have other tensors than the network."""
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise WeightsMismatch(
            f"The safe mode weights {path.name} are no safetensors file: {error}. Take the file off the "
            "allow list."
        ) from error
    wrong = [name for name in {**shapes, **tensors} if not _fits(tensors.get(name), shapes.get(name))]
    if wrong:
        raise WeightsMismatch(
            f"The safe mode weights {path.name} are not those of {known.title}: {len(wrong)} of "
            f"{len(shapes)} tensors differ, the first is {wrong[0]!a}. Take the file off the allow list."
        )
    return {name: tensor.to(torch.float32) for name, tensor in tensors.items()}


def _fits(tensor: Tensor | None, shape: tuple[int, ...] | None) -> bool:
    return tensor is not None and tuple(tensor.shape) == shape


def _missing(path: Path, known: ClassifierSpec, error: OSError) -> ClassifierMissing:
    return ClassifierMissing(
        f"The safe mode weights {path.name} cannot be read ({error.strerror}). "
        f"{_again(known).capitalize()}, or switch safe mode off."
    )


def _again(known: ClassifierSpec) -> str:
    return (
        "install multi-edit again" if known.address is None else f"run `multiedit safety fetch {known.name}`"
    )
