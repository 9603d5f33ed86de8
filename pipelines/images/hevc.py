"""The size of the frames in an HEVC stream, from its sequence parameter sets (ITU-T H.265, 7.3.2.2)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from .bits import BitReader

_PARAMETER_SET = 33  # SPS_NUT (table 7-1)
_HEADER_BYTES = 256  # the size and the window stand in the first 100 bytes
# chroma_format_idc -> samples that one unit of the conformance window stands for (table 6-1).
_WINDOW_UNITS = {0: (1, 1), 1: (2, 2), 2: (2, 1), 3: (1, 1)}


class FrameSize(NamedTuple):
    """The size that is coded, and the part of it that is shown (width and height)."""

    coded: tuple[int, int]
    shown: tuple[int, int]


class ParameterSet(NamedTuple):
    """A sequence parameter set that is read up to its window: `reader` stands after it."""

    size: FrameSize
    sub_layers: int
    reader: BitReader


class HevcConfiguration(NamedTuple):
    """The HEVC decoder configuration record (ISO/IEC 14496-15, 8.3.3.1).

    Attributes:
        length_size: bytes of the length before each unit of the item.
        units: parameter sets, without length.
    """

    length_size: int
    units: tuple[bytes, ...]


def read_configuration(record: bytes, budget: Iterator[int]) -> HevcConfiguration:
    """Take the body of an `hvcC` box apart.

    Args:
        budget: gives as many numbers as there may be units.

    Raises:
        ValueError, IndexError, struct.error: it is damaged.
    """
    length_size = (record[21] & 3) + 1
    position = 23
    units: list[bytes] = []
    for _ in range(record[22]):
        (count,) = struct.unpack_from(">H", record, position + 1)
        position += 3
        for _ in range(count):
            (length,) = struct.unpack_from(">H", record, position)
            position += 2 + length
            if position > len(record) or next(budget, None) is None:
                raise ValueError("an HEVC configuration ends inside a parameter set, or has too many")
            units.append(record[position - length : position])
    return HevcConfiguration(length_size, tuple(units))


def split_units(
    stream: bytes | memoryview, length_size: int, budget: Iterator[int]
) -> Iterator[bytes | memoryview]:
    """The units of an item, each with its length before it (ISO/IEC 14496-15, 4.2.3).

    Raises:
        ValueError: a unit is longer than the stream, or the budget is used up.
    """
    position = 0
    for _ in budget:
        if position + length_size > len(stream):
            return
        start = position + length_size
        position = start + int.from_bytes(stream[position:start], "big")
        if position > len(stream):
            raise ValueError("an HEVC unit is longer than its stream")
        yield stream[start:position]
    raise ValueError("the HEVC stream has too many units")


def frame_size(unit: bytes | memoryview) -> FrameSize | None:
    """Return the frame size of a unit: None unless it is a sequence parameter set of the base layer.

    Raises:
        ValueError: it is damaged.
    """
    opened = open_parameter_set(unit, _HEADER_BYTES)
    return opened.size if opened else None


def open_parameter_set(unit: bytes | memoryview, length: int) -> ParameterSet | None:
    """Read the first `length` bytes of a unit: None and errors as of `frame_size`."""
    head = bytes(unit[:length])
    if len(head) < 2 or head[0] >> 1 & 63 != _PARAMETER_SET or (head[0] & 1) << 5 | head[1] >> 3:
        return None
    # Emulation prevention: the third byte of 00 00 03 is no part of the content (7.3.1.1).
    return _read_parameter_set(BitReader(head[2:].replace(b"\x00\x00\x03", b"\x00\x00")))


def _read_parameter_set(reader: BitReader) -> ParameterSet:
    reader.bits(4)  # sps_video_parameter_set_id
    sub_layers = reader.bits(3)
    reader.bits(1)  # sps_temporal_id_nesting_flag
    _skip_profile(reader, sub_layers)
    reader.exp_golomb()  # sps_seq_parameter_set_id
    chroma = reader.exp_golomb()
    if chroma not in _WINDOW_UNITS:
        raise ValueError("an HEVC parameter set has an unknown chroma format")
    if chroma == 3:
        reader.bits(1)  # separate_colour_plane_flag
    width, height = reader.exp_golomb(), reader.exp_golomb()
    left = right = top = bottom = 0
    if reader.flag():  # conformance_window_flag
        left, right, top, bottom = (reader.exp_golomb() for _ in range(4))
    across, down = _WINDOW_UNITS[chroma]
    shown = width - across * (left + right), height - down * (top + bottom)
    if min(shown) < 1:
        raise ValueError("an HEVC parameter set shows no part of its frames")
    return ParameterSet(FrameSize((width, height), shown), sub_layers, reader)


def _skip_profile(reader: BitReader, sub_layers: int) -> None:
    """profile_tier_level(1, sub_layers) (7.3.3)."""
    reader.bits(88 + 8)
    present = [(reader.flag(), reader.flag()) for _ in range(sub_layers)]
    if sub_layers:
        reader.bits(2 * (8 - sub_layers))
    for has_profile, has_level in present:
        reader.bits(88 * has_profile + 8 * has_level)
