"""The colours in an HEVC stream: those of its sequence parameter set (ITU-T H.265, 7.3.2.2 and E.2.1)."""

from __future__ import annotations

from .bits import BitReader
from .cicp import Cicp
from .hevc import open_parameter_set

_SET_BYTES = 4096  # scaling lists and sets of reference pictures stand before the colours
_EXTENDED_ASPECT = 255
_MOST_REFERENCES = 16  # of a set, and of each side
_MOST_SETS = 64


def parameter_set_color(unit: bytes) -> Cicp | None:
    """Return the colours of a unit: None unless it is a sequence parameter set that gives some.

    Raises:
        ValueError: it is damaged.
    """
    opened = open_parameter_set(unit, _SET_BYTES)
    if opened is None:
        return None
    reader = opened.reader
    _codes(reader, 2)  # bit depths
    order_bits = reader.exp_golomb() + 4
    _codes(reader, 3 * (opened.sub_layers + 1 if reader.flag() else 1))  # picture buffers
    _codes(reader, 6)  # block sizes and depths
    if reader.flag() and reader.flag():  # scaling_list_enabled_flag, sps_scaling_list_data_present_flag
        _skip_scaling_lists(reader)
    reader.bits(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if reader.flag():  # pcm_enabled_flag
        reader.bits(8)
        _codes(reader, 2)
        reader.bits(1)
    _skip_reference_sets(reader)
    if reader.flag():  # long_term_ref_pics_present_flag
        for _ in range(reader.exp_golomb()):
            reader.bits(order_bits + 1)
    reader.bits(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    return _usability_color(reader) if reader.flag() else None  # vui_parameters_present_flag


def _usability_color(reader: BitReader) -> Cicp | None:
    """vui_parameters() up to matrix_coeffs (E.2.1)."""
    if reader.flag() and reader.bits(8) == _EXTENDED_ASPECT:
        reader.bits(32)
    if reader.flag():  # overscan_info_present_flag
        reader.bits(1)
    if not reader.flag():  # video_signal_type_present_flag
        return None
    reader.bits(3)  # video_format
    full_range = reader.flag()
    if not reader.flag():  # colour_description_present_flag
        return None
    return Cicp(reader.bits(8), reader.bits(8), reader.bits(8), full_range)


def _codes(reader: BitReader, count: int) -> None:
    for _ in range(count):
        reader.exp_golomb()


def _skip_scaling_lists(reader: BitReader) -> None:
    """scaling_list_data() (7.3.4)."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not reader.flag():  # scaling_list_pred_mode_flag
                reader.exp_golomb()
            else:
                _codes(reader, min(64, 1 << 4 + 2 * size) + (size > 1))


def _skip_reference_sets(reader: BitReader) -> None:
    """num_short_term_ref_pic_sets and each st_ref_pic_set() (7.3.7)."""
    sets = reader.exp_golomb()
    if sets > _MOST_SETS:
        raise ValueError("an HEVC parameter set has too many sets of reference pictures")
    pictures = 0
    for index in range(sets):
        if index and reader.flag():  # inter_ref_pic_set_prediction_flag
            reader.bits(1)
            reader.exp_golomb()
            used = [reader.flag() or reader.flag() for _ in range(pictures + 1)]
            pictures = sum(used)
        else:
            before, after = reader.exp_golomb(), reader.exp_golomb()
            pictures = before + after
            for _ in range(min(pictures, 2 * _MOST_REFERENCES)):
                reader.exp_golomb()
                reader.bits(1)
        if pictures > 2 * _MOST_REFERENCES:
            raise ValueError("an HEVC parameter set has too many reference pictures")
