"""Load weights from a file whose sha256 is allowed: nothing else is ever loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ...common.command import command
from ...common.errors import ClassifierMissing, WeightsMismatch
from ...common.validation import describe, shown
from .specs import ClassifierSpec

_RANGE = ".range"  # ends the name of the two numbers, minimum and step, by which a tensor is quantised


class FileState(NamedTuple):
    """A file's identity; one that was replaced or touched has another."""

    path: Path
    size: int
    modified_ns: int


def file_state(path: Path, spec: ClassifierSpec) -> FileState:
    """Return the state of a weights file without reading it.

    Raises:
        ClassifierMissing: it does not exist or is not accessible.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _missing(path, spec, error) from error
    return FileState(path, status.st_size, status.st_mtime_ns)


def load_weights(
    path: Path, spec: ClassifierSpec, allowed: Collection[str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Tensor], str]:
    """Read a safetensors file as float32 tensors by name, if its sha256 is an allowed one.

    The bytes that are checked are the bytes that are loaded.

    Args:
        allowed: sha256, lower-case hex.
        shapes: of every tensor; others are refused.

    Returns:
        The tensors, and the sha256 of the file.

    Raises:
        ClassifierMissing: the file cannot be read.
        WeightsMismatch: its sha256 is not allowed, or its tensors are not the network's.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _missing(path, spec, error) from error
    found = hashlib.sha256(data).hexdigest()
    if found not in allowed:
        raise WeightsMismatch(
            f"The safe mode weights {shown(path.name)} have {len(data)} bytes with the sha256 {found}; "
            f"expected {spec.sha256}. The file is damaged or was replaced: {_repair(spec)}."
        )
    return _float32(data, path, spec, shapes), found


def _float32(
    data: bytes, path: Path, spec: ClassifierSpec, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Only a file of the user's own allow list can have other tensors than the network."""
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise WeightsMismatch(
            f"The safe mode weights {shown(path.name)} are not a valid safetensors file: {error}. Remove the "
            "file's sha256 from MULTIEDIT_SAFETY_ALLOWED."
        ) from error
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = [name for name in {**shapes, **found} if found.get(name) != shapes.get(name)]
    if wrong:
        raise WeightsMismatch(
            f"The safe mode weights {shown(path.name)} are not those of {spec.title}: {len(wrong)} of "
            f"{len(shapes)} tensors differ, the first is {describe(wrong[0])}. Remove the file's sha256 from "
            "MULTIEDIT_SAFETY_ALLOWED."
        )
    return {name: _dequantised(name, tensors) for name in tensors if not name.endswith(_RANGE)}


def with_ranges(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Return the manifest of a file of 8-bit numbers: each tensor, and the range that they stand for."""
    return {**shapes, **{name + _RANGE: (2,) for name in shapes}}


def _dequantised(name: str, tensors: Mapping[str, Tensor]) -> Tensor:
    """The tensor in 32 bits; where it has a range (minimum, step) its numbers count the steps."""
    tensor = tensors[name]
    if (limits := tensors.get(name + _RANGE)) is None:
        return tensor.to(torch.float32)
    minimum, step = map(float, limits)
    return tensor.to(torch.float64).mul_(step).add_(minimum).to(torch.float32)


def _missing(path: Path, spec: ClassifierSpec, error: OSError) -> ClassifierMissing:
    repair = _repair(spec)
    return ClassifierMissing(
        f"The safe mode weights {shown(path.name)} cannot be read ({error.strerror}). "
        f"{repair[0].upper()}{repair[1:]}, or switch safe mode off."
    )


def _repair(spec: ClassifierSpec) -> str:
    embedded = spec.url is None
    return "install multi-edit again" if embedded else f"run {command(f'safety download {spec.name}')}"
