"""EXIF orientation: read from the EXIF block, and applied to pixels.

Pillow's own EXIF reader copies every value of the block, and one block can name the same bytes many
thousand times; so only the one tag that matters is looked up here.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ORIENTATION = 0x0112
_SHORT = 3


class _Turn(NamedTuple):
    transpose: bool
    flip_rows: bool
    flip_columns: bool


# EXIF 2.32, tag 0x0112: what brings the stored picture upright, in this order.
_TURNS: dict[int, _Turn] = {
    1: _Turn(False, False, False),
    2: _Turn(False, False, True),
    3: _Turn(False, True, True),
    4: _Turn(False, True, False),
    5: _Turn(True, False, False),
    6: _Turn(True, False, True),
    7: _Turn(True, True, True),
    8: _Turn(True, True, False),
}


def exif_orientation(exif: bytes) -> int:
    """The orientation (1..8) in a TIFF-shaped EXIF block, with or without its `Exif` prefix.

    1 where the block has none or makes no sense: a broken EXIF block is no reason to refuse a picture.
    """
    exif = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (count,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, entry)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and value in _TURNS else 1
    except struct.error:
        return 1
    return 1


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """A stored (width, height) as it is after the orientation is applied; its own inverse."""
    return (size[1], size[0]) if _TURNS[orientation].transpose else size


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Bring stored pixels [H, W, C] upright: a contiguous copy, or the array itself for orientation 1."""
    if orientation == 1:
        return pixels
    turn = _TURNS[orientation]
    # One opaque item a pixel: a turned copy then moves whole pixels, which takes half the time.
    channels, kind = pixels.shape[2], pixels.dtype
    whole = pixels.view(f"V{channels * kind.itemsize}")[..., 0]
    turned = whole.T if turn.transpose else whole
    turned = turned[:: -1 if turn.flip_rows else 1, :: -1 if turn.flip_columns else 1]
    return np.ascontiguousarray(turned)[..., None].view(kind)
