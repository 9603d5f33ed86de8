"""Read the header of a safetensors file: its tensors' names, shapes and types, and what its maker wrote in.

The file is 8 bytes with the length of a JSON header (little endian), the header, and the data; for each
tensor the header has a dtype, a shape and where in the data it begins and ends.
(https://huggingface.co/docs/safetensors)
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ....common.json_reader import read_json

LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
_LENGTH = struct.Struct("<Q")
_METADATA = "__metadata__"  # the one entry that is not a tensor
_LONGEST_REMARK = 300  # characters of metadata; longer ones are training logs and graphs
_MIXED_SHARE = 0.05  # of the bytes, from which a second type counts
_LARGE = 4096  # numbers; smaller tensors are norms, biases and scales
_TYPES = {"BF16": "bf16", "F16": "fp16", "F32": "fp32", "F8_E4M3": "fp8", "F8_E5M2": "fp8", "I8": "int8",
          "U8": "nvfp4"}  # fmt: skip


class UnreadableHeader(Exception):
    """The file is no whole safetensors file; the text says why, as the end of a sentence."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file, without its values; `bytes` is the length of its data."""

    dtype: str
    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class WeightsHeader:
    """The header of a whole file.

    Attributes:
        size: of the file, bytes.
        remarks: the short texts of its metadata, names and values.
    """

    tensors: Mapping[str, Tensor]
    remarks: str
    size: int

    @property
    def quantisation(self) -> str:
        """The type of most of its weights: bf16, fp16, fp32, fp8 (mixed or scaled), mxfp8, int8, nvfp4."""
        large: Counter[str] = Counter()
        for tensor in self.tensors.values():
            if math.prod(tensor.shape) >= _LARGE:
                large[_TYPES.get(tensor.dtype, tensor.dtype.lower())] += tensor.bytes
        if not large:
            return "bf16"
        first = large.most_common(1)[0][0]
        scales = {
            t.dtype for name, t in self.tensors.items() if name.endswith(("weight_scale", "scale_weight"))
        }
        if first == "fp8":
            if "U8" in scales:
                return "mxfp8"
            rest = sum(large.values()) - large["fp8"]
            mixed = rest >= _MIXED_SHARE * sum(large.values())
            return "fp8 mixed" if mixed else "fp8 scaled" if scales else "fp8"
        return first


def read_header(path: Path) -> WeightsHeader:
    """Read a file's header.

    Raises:
        UnreadableHeader: the file cannot be read, is not a safetensors file, or is shorter than it says.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            head = file.read(_LENGTH.size)
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else LARGEST_HEADER + 1
            header = file.read(length) if length <= LARGEST_HEADER else b""
    except OSError as error:
        raise UnreadableHeader(f"cannot be read ({error.strerror})") from error
    if not header.startswith(b"{"):
        raise UnreadableHeader(
            "is not a safetensors file; a web page or a link to the file may have been saved in its place"
        )
    if len(header) < length:
        raise UnreadableHeader(f"is cut off: it ends after {size} bytes, inside its header")
    tensors, ends, remarks = _parsed(header)
    whole = _LENGTH.size + length + max(ends, default=0)
    if size < whole:
        raise UnreadableHeader(f"is cut off: it has {size} of {whole} bytes")
    return WeightsHeader(tensors, remarks, size)


def _parsed(header: bytes) -> tuple[dict[str, Tensor], list[int], str]:
    """The tensors, where the data of each ends, and the remarks."""
    try:
        entries = read_json(header)
        metadata = entries.pop(_METADATA, {})
        tensors, ends = {}, []
        for name, entry in entries.items():
            start, end = entry["data_offsets"]
            tensors[name] = Tensor(entry["dtype"] + "", tuple(int(n) for n in entry["shape"]), end - start)
            ends.append(end)
        remarks = [f"{key} {value}" for key, value in metadata.items()]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UnreadableHeader("is not a safetensors file: its header is damaged") from error
    return tensors, ends, " | ".join(each for each in remarks if len(each) <= _LONGEST_REMARK)
