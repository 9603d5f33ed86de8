"""The size of the frames in an AV1 stream, from its sequence and frame headers.

Sections are those of the AV1 Bitstream and Decoding Process Specification (version 1.0.0, errata 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .bits import BitReader
from .cicp import Cicp

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6
_HEADER_BYTES = 512  # a sequence header with all 32 operating points has 400; a frame's size comes earlier
_SELECT = 2  # SELECT_SCREEN_CONTENT_TOOLS, SELECT_INTEGER_MV
_KEY_FRAME, _SWITCH_FRAME = 0, 3


@dataclass(frozen=True)
class _Sequence:
    """The fields of a sequence header that are needed to find the size in a frame header."""

    size: tuple[int, int]
    reduced: bool = True
    bits: tuple[int, int] = (0, 0)
    id_bits: int = 0
    order_bits: int = 0
    screen_content: int = 0
    integer_mv: int = 0
    equal_interval: bool = False
    frame_time_bits: int = 0
    has_decoder_model: bool = False


def frame_sizes(stream: bytes | memoryview, budget: Iterator[int]) -> Iterator[tuple[int, int]]:
    """(width, height) of each sequence header in a stream, and of each frame that overrides it.

    A frame header may name another size than its sequence header. Decoders believe it, so it is read too;
    for frames that depend on others, the largest size that their header can hold is given.

    Args:
        budget: gives as many numbers as there may be units.

    Raises:
        ValueError, IndexError: the stream is damaged, or the budget is used up.
    """
    sequence = None
    for kind, start, end in _units(stream, budget):
        header = bytes(stream[start : min(end, start + _HEADER_BYTES)])
        if kind == _SEQUENCE_HEADER:
            sequence = _read_sequence(BitReader(header))
            yield sequence.size
        elif kind in (_FRAME_HEADER, _FRAME) and sequence is not None and not sequence.reduced:
            overridden = _overridden_size(BitReader(header), sequence)
            if overridden is not None:
                yield overridden


def sequence_color(stream: bytes | memoryview, budget: Iterator[int]) -> Cicp | None:
    """Return the colours that the first sequence header of a stream gives, or None where it gives none.

    Args:
        budget: gives as many numbers as there may be units.

    Raises:
        ValueError, IndexError: the stream is damaged, or the budget is used up.
    """
    headers = (stream[start:end] for kind, start, end in _units(stream, budget) if kind == _SEQUENCE_HEADER)
    header = bytes(next(headers, b"")[:_HEADER_BYTES])
    if not header:
        return None
    reader = BitReader(header)
    profile = header[0] >> 5
    if _read_sequence(reader).reduced:
        reader.bits(3)  # block size and intra tools
    reader.bits(3)  # enable_superres to enable_restoration; then color_config() (5.5.2)
    if reader.flag() and profile == 2:  # high_bitdepth
        reader.bits(1)  # twelve_bit
    if profile != 1:
        reader.bits(1)  # mono_chrome
    if not reader.flag():  # color_description_present_flag
        return None
    return Cicp(reader.bits(8), reader.bits(8), reader.bits(8))


def _units(stream: bytes | memoryview, budget: Iterator[int]) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of the payload of each open bitstream unit (5.3)."""
    position = 0
    for _ in budget:
        if position >= len(stream):
            return
        head = stream[position]
        if head & 0x80:
            raise ValueError("an AV1 unit has its forbidden bit set")
        position += 2 if head & 4 else 1
        end = len(stream)
        if head & 2:
            length, position = _leb128(stream, position)
            end = position + length
        if end > len(stream):
            raise ValueError("an AV1 unit is longer than its stream")
        yield head >> 3 & 15, position, end
        position = end
    raise ValueError("the AV1 stream has too many units")


def _leb128(stream: bytes | memoryview, position: int) -> tuple[int, int]:
    """A number (4.10.5) and the position after it."""
    value = 0
    for index in range(8):
        byte = stream[position + index]
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value, position + index + 1
    raise ValueError("a length in an AV1 stream has more than 8 bytes")


def _read_sequence(reader: BitReader) -> _Sequence:
    """sequence_header_obu() up to force_integer_mv (5.5.1)."""
    reader.bits(4)  # seq_profile, still_image
    if reader.flag():  # reduced_still_image_header
        reader.bits(5)
        return _Sequence(_max_frame(reader)[0])
    equal_interval, removal_bits, frame_time_bits = _read_timing(reader)
    has_decoder_model = removal_bits > 0
    _skip_operating_points(reader, removal_bits)
    size, bits = _max_frame(reader)
    id_bits = 0
    if reader.flag():  # frame_id_numbers_present_flag
        delta_bits = reader.bits(4) + 2
        id_bits = delta_bits + reader.bits(3) + 1
    reader.bits(3 + 4)  # block size and intra tools; interintra, masked, warped, dual filter
    order_bits = 0
    has_order = reader.flag()
    if has_order:
        reader.bits(2)
    screen_content = _SELECT if reader.flag() else reader.bits(1)
    integer_mv = _SELECT
    if screen_content and not reader.flag():
        integer_mv = reader.bits(1)
    if has_order:
        order_bits = reader.bits(3) + 1
    return _Sequence(
        size, False, bits, id_bits, order_bits, screen_content, integer_mv, equal_interval,
        frame_time_bits, has_decoder_model,
    )  # fmt: skip


def _read_timing(reader: BitReader) -> tuple[bool, int, int]:
    """timing_info() and decoder_model_info() (5.5.3, 5.5.4).

    Returns:
        equal_image_interval, and the bits of a buffer delay and of a presentation time, 0 where no
        decoder model is present.
    """
    if not reader.flag():  # timing_info_present_flag
        return False, 0, 0
    reader.bits(64)  # num_units_in_display_tick, time_scale
    equal_interval = reader.flag()
    if equal_interval:
        reader.uvlc()
    if not reader.flag():  # decoder_model_info_present_flag
        return equal_interval, 0, 0
    delay_bits = reader.bits(5) + 1
    reader.bits(32 + 5)  # num_units_in_decoding_tick, buffer_removal_time_length_minus_1
    return equal_interval, delay_bits, reader.bits(5) + 1


def _skip_operating_points(reader: BitReader, delay_bits: int) -> None:
    has_display_delay = reader.flag()
    for _ in range(reader.bits(5) + 1):
        reader.bits(12)  # operating_point_idc
        if reader.bits(5) > 7:  # seq_level_idx
            reader.bits(1)
        if delay_bits and reader.flag():
            reader.bits(2 * delay_bits + 1)
        if has_display_delay and reader.flag():
            reader.bits(4)


def _max_frame(reader: BitReader) -> tuple[tuple[int, int], tuple[int, int]]:
    """max_frame_width and max_frame_height, and the bits that a frame's own take."""
    bits = reader.bits(4) + 1, reader.bits(4) + 1
    return (reader.bits(bits[0]) + 1, reader.bits(bits[1]) + 1), bits


def _overridden_size(reader: BitReader, sequence: _Sequence) -> tuple[int, int] | None:
    """uncompressed_header() up to frame_size() (5.9.2, 5.9.5): None where the sequence's size holds."""
    if reader.flag():  # show_existing_frame
        return None
    kind = reader.bits(2)
    shown = reader.flag()
    if shown and sequence.has_decoder_model and not sequence.equal_interval:
        reader.bits(sequence.frame_time_bits)
    if not shown:
        reader.bits(1)  # showable_frame
    shown_key = kind == _KEY_FRAME and shown
    if kind != _SWITCH_FRAME and not shown_key:
        reader.bits(1)  # error_resilient_mode
    reader.bits(1)  # disable_cdf_update
    screen_content = reader.bits(1) if sequence.screen_content == _SELECT else sequence.screen_content
    if screen_content and sequence.integer_mv == _SELECT:
        reader.bits(1)
    reader.bits(sequence.id_bits)
    if kind != _SWITCH_FRAME and not reader.flag():  # frame_size_override_flag
        return None
    if not shown_key or sequence.has_decoder_model:
        return 1 << sequence.bits[0], 1 << sequence.bits[1]
    reader.bits(
        sequence.order_bits
    )  # a shown key frame has neither primary_ref_frame nor refresh_frame_flags
    return reader.bits(sequence.bits[0]) + 1, reader.bits(sequence.bits[1]) + 1
