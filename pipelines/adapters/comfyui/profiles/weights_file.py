"""What a weights file is, by its header alone: whole, of which architecture and size, and in which types."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ....common.errors import InvalidModelFile
from ....common.validation import shown
from .file_name import pieces
from .profile import ModelPart
from .weights_header import Tensor, UnreadableHeader, WeightsHeader, read_header

# How much a header tells of a part: nothing beside the architecture, also the size, or the very model.
Certainty = Literal["architecture", "size", "model"]

_NUNCHAKU = (".qweight", ".wscales")


@dataclass(frozen=True)
class Verdict:
    """Whether a file can be a part: why not, as the end of a sentence, and how sure its header makes it."""

    problem: str | None
    certainty: Certainty = "architecture"


@dataclass(frozen=True)
class FileFacts:
    """What a file's header tells.

    Attributes:
        size: bytes.
        remarks: short texts that its maker wrote in.
        verdicts: by part, of those it was looked at for.
    """

    size: int
    quantisation: str
    remarks: str
    verdicts: Mapping[ModelPart, Verdict]


def inspect_weights(path: Path, parts: Iterable[ModelPart]) -> FileFacts:
    """Look at a file for what it may be. Nothing but its header is read."""
    try:
        header = read_header(path)
    except UnreadableHeader as error:
        return unreadable(str(error), parts)
    if problem := _unusable(path, header):
        return unreadable(problem, parts)
    ends = _ends(header.tensors)
    verdicts = {part: _verdict(header.tensors, ends, part) for part in parts}
    return FileFacts(header.size, header.quantisation, header.remarks, verdicts)


def unreadable(problem: str, parts: Iterable[ModelPart]) -> FileFacts:
    """The facts of a file that can be nothing, for one reason."""
    return FileFacts(0, "", "", dict.fromkeys(parts, Verdict(problem)))


def invalid_file(name: str, part: ModelPart, what: str, problem: str) -> InvalidModelFile:
    """The error for a file that cannot be what it is taken for, with where to get that."""
    source = part.published_like(name)
    again = f"Download it again from {source.url}, or choose" if source else "Choose"
    return InvalidModelFile(f"{shown(name)}, taken for {what}, {problem}. {again} another.", field="modelId")


def _unusable(path: Path, header: WeightsHeader) -> str | None:
    """Return why ComfyUI's own loaders cannot read a whole file, whatever it is."""
    if (count := pieces(path.name)) > 1:
        return f"is one of {count} pieces of a model; ComfyUI's loader takes a single file"
    if any(name.endswith(_NUNCHAKU) for name in header.tensors):
        return "is quantised for Nunchaku, which has a loader of its own"
    return None


def judge(tensors: Mapping[str, Tensor], part: ModelPart) -> Verdict:
    """Judge whether tensors, by their names and shapes, can be a part."""
    return _verdict(tensors, _ends(tensors), part)


def other_size(tensors: Mapping[str, Tensor], part: ModelPart) -> str | None:
    """Why tensors are of another size or have other inputs, as the end of a sentence; None if unknown."""
    return _wrong_width(_ends(tensors), part)


def _verdict(tensors: Mapping[str, Tensor], ends: Mapping[str, Tensor], part: ModelPart) -> Verdict:
    if problem := _mismatch(tensors, ends, part):
        return Verdict(problem)
    sized = part.width is None or _width(ends, part) == part.width.own
    if sized and part.proof and all(end in ends for end in part.proof):
        return Verdict(None, "model")
    return Verdict(None, "size" if sized else "architecture")


def _mismatch(names: Collection[str], ends: Mapping[str, Tensor], part: ModelPart) -> str | None:
    """Return why the tensors are not those of a part, None where they are."""
    for end in part.signature:
        if not _has(names, ends, end):
            return f"is of another architecture: it has no tensor {end}"
    for end in part.forbidden:
        if _has(names, ends, end):
            return f"is of another architecture or version: it has a tensor {end}"
    return _wrong_width(ends, part)


def _wrong_width(ends: Mapping[str, Tensor], part: ModelPart) -> str | None:
    if part.width and (found := _width(ends, part)) in part.width.others:
        return f"is of another size: {part.width.tensor} is {found} wide, not {part.width.own}"
    return None


def _width(ends: Mapping[str, Tensor], part: ModelPart) -> int | None:
    """The width that tells the size of a part's architecture; None where the file has it not."""
    if part.width is None or part.width.tensor not in ends:
        return None
    shape = ends[part.width.tensor].shape
    return shape[part.width.axis] if len(shape) > part.width.axis else None


def _ends(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by their names and all that follows a dot in these."""
    found = dict(tensors)
    for name, tensor in tensors.items():
        rest = name
        while "." in rest:
            rest = rest.split(".", 1)[1]
            found.setdefault(rest, tensor)
    return found


def _has(names: Collection[str], ends: Mapping[str, Tensor], end: str) -> bool:
    if "*" in end or "?" in end:
        return any(map(_compiled_end(end).match, names))
    return end in ends


@lru_cache(maxsize=256)
def _compiled_end(end: str) -> re.Pattern[str]:
    """Matches a tensor's whole name that is `end` or has it after a dot."""
    return re.compile(f"{translate(end)}|{translate('*.' + end)}")
