"""16-bit colour PNG and TIFF at their full depth.

Pillow (13, as all before it) keeps the high byte of such a file's RGB, RGBA and grey + alpha values.
Its PNG reader hands the unpacking to a named raw mode, and other raw modes of the same width reach the
low bytes too: `RGB;16L` takes the second byte of each big-endian pair, and plain `RGBA` takes grey +
alpha as the four bytes that they are. Its TIFF readers do the same, in the file's byte order or (`N`) the
machine's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import ImageFile

from .color import Levels, straight_alpha, strip_rows, strips_of

_WHITE = np.float32(65535)
_HIGH = np.float32(256)
# A file's raw mode in Pillow -> the raw modes whose bytes make up the values, the high byte first.
_RAW_MODES: dict[str, tuple[str, ...]] = {"LA;16B": ("RGBA",)}
_NATIVE = "BL" if sys.byteorder == "big" else "LB"
for _mode, _unpacked in (("RGB", "RGB"), ("RGBX", "RGBX"), ("RGBA", "RGBA"), ("RGBa", "RGBA")):
    for _order, _bytes in (("B", "BL"), ("L", "LB"), ("N", _NATIVE)):
        _RAW_MODES[f"{_mode};16{_order}"] = tuple(f"{_unpacked};16{byte}" for byte in _bytes)


def deep_levels(open_again: Callable[[], ImageFile.ImageFile]) -> Levels | None:
    """Decode a 16-bit PNG or TIFF with colour or alpha.

    Args:
        open_again: opens the file anew; each pass over it needs a reader of its own.

    Returns:
        [H, W, C] float32 0..1, C = 2, 3 or 4; None where the file is none of these.
    """
    raw_mode = _raw_mode(open_again())
    if raw_mode not in _RAW_MODES:
        return None
    header, passes = open_again(), _RAW_MODES[raw_mode]
    transparent = header.info.get("transparency")
    channels = len(passes) * len(header.getbands()) // 2
    shape = (header.height, header.width, channels + (transparent is not None))
    levels: Levels = np.empty(shape, np.float32)
    values = levels[..., :channels]
    # One pass after the other, so that only one of Pillow's images is there beside the levels.
    for number, unpacking in enumerate(passes):
        image = open_again()
        image.tile = [_unpacked_as(unpacking, tile) for tile in image.tile]
        for rows, strip in strips_of(image):
            if len(passes) == 1:  # both bytes of each value in turn
                values[rows] = strip.view(">u2")
            elif number == 0:
                np.multiply(strip, _HIGH, out=values[rows])
            else:
                values[rows] += strip  # exact: float32 holds all whole numbers of 16 bits
    for rows in strip_rows(shape[0], shape[1]):
        if transparent is not None:
            levels[rows, :, -1] = (values[rows] != np.asarray(transparent)).any(axis=2)
        values[rows] /= _WHITE
        if raw_mode.startswith("RGBa"):
            levels[rows] = straight_alpha(levels[rows])
    return levels


def _unpacked_as(raw_mode: str, tile: Any) -> Any:
    args = tile.args
    return tile._replace(args=raw_mode if isinstance(args, str) else (raw_mode, *args[1:]))


def _raw_mode(image: ImageFile.ImageFile) -> str:
    args = image.tile[0].args
    return args if isinstance(args, str) else str(args and args[0])
