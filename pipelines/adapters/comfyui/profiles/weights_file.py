"""Check by its header alone that a weights file is whole and of the architecture it is taken for.

A safetensors file is 8 bytes with the length of a JSON header (little endian), the header, and the data;
for each tensor the header has a dtype, a shape and where in the data it begins and ends.
(https://huggingface.co/docs/safetensors)
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

from ....common.errors import InvalidModelFile
from ....common.json_reader import read_json
from ....common.validation import shown
from .profile import ModelPart
from .selection import fits

LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"  # the one entry that is not a tensor


def check_weights(path: str | Path, part: ModelPart, what: str, name: str | None = None) -> None:
    """Refuse a file that its loader would take for something else, or stumble over half-way.

    Args:
        part: what the file is taken for, and `what` that is in words: "the VAE of FLUX.2 klein 4B".
        name: of the file in messages; by default its own name without the folders.

    Raises:
        InvalidModelFile: the file cannot be read, is not a safetensors file, is shorter than its header
            says, lacks a tensor of the architecture or has one of another.
    """
    file = Path(path).name if name is None else name
    problem = _problem(Path(path), part)
    if problem:
        source = next((each for each in part.files if fits(each.pattern, file)), part.files[0])
        raise InvalidModelFile(
            f"{shown(file)}, taken for {what}, {problem}. Download it again from {source.url}, or "
            "choose another.",
            field="modelId",
        )


def _problem(path: Path, part: ModelPart) -> str | None:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            head = file.read(_LENGTH.size)
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else LARGEST_HEADER + 1
            header = file.read(length) if length <= LARGEST_HEADER else b""
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if not header.startswith(b"{"):
        return "is not a safetensors file; a web page or a link to the file may have been saved in its place"
    if len(header) < length:
        return f"is cut off: it ends after {size} bytes, inside its header"
    tensors = _data_ends(header)
    if tensors is None:
        return "is not a safetensors file: its header is damaged"
    whole = _LENGTH.size + length + max(tensors.values(), default=0)
    if size < whole:
        return f"is cut off: it has {size} of {whole} bytes"
    return _mismatch(tensors, part)


def _data_ends(header: bytes) -> dict[str, int] | None:
    """Return where each tensor's data ends, by name; None where the header is not what the format says."""
    try:
        entries = read_json(header)
        return {name: entry["data_offsets"][1] + 0 for name, entry in entries.items() if name != _METADATA}
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None


def _mismatch(names: Collection[str], part: ModelPart) -> str | None:
    """Return why the tensors are not those of a part, None where they are."""
    for end in part.signature:
        if not any(map(_compiled_end(end).match, names)):
            return f"is of another architecture: it has no tensor {end}"
    for end in part.forbidden:
        if any(map(_compiled_end(end).match, names)):
            return f"is of another architecture or version: it has a tensor {end}"
    return None


@lru_cache(maxsize=256)
def _compiled_end(end: str) -> re.Pattern[str]:
    """Matches a tensor's whole name that is `end` or has it after a dot."""
    return re.compile(f"{translate(end)}|{translate('*.' + end)}")
