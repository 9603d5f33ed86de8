"""16-bit colour PNG at its full depth.

Pillow (13, as all before it) keeps the high byte of such a file's RGB, RGBA and grey + alpha values.
Its PNG reader hands the unpacking to a named raw mode, and other raw modes of the same width reach the
low bytes too: `RGB;16L` takes the second byte of each big-endian pair, and plain `RGBA` takes grey +
alpha as the four bytes that they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import ImageFile

from .color import Levels, levels_of

# PNG colour type's raw mode in Pillow -> the raw modes whose bytes make up the values.
_RAW_MODES: dict[str, tuple[str, ...]] = {
    "RGB;16B": ("RGB;16B", "RGB;16L"),
    "RGBA;16B": ("RGBA;16B", "RGBA;16L"),
    "LA;16B": ("RGBA",),
}


def deep_levels(open_again: Callable[[], ImageFile.ImageFile]) -> Levels | None:
    """Decode a 16-bit PNG with colour or alpha.

    Args:
        open_again: opens the file anew; each pass over it needs a reader of its own.

    Returns:
        [H, W, C] float32 0..1, C = 2, 3 or 4; None where the file is none of these.
    """
    raw_mode = _raw_mode(open_again())
    if raw_mode not in _RAW_MODES:
        return None
    passes = []
    for unpacking in _RAW_MODES[raw_mode]:
        image = open_again()
        image.tile = [tile._replace(args=unpacking) for tile in image.tile]
        passes.append(levels_of(image))
    values = np.stack(passes, axis=-1).reshape(*passes[0].shape[:2], -1).view(">u2")
    levels: Levels = values.astype(np.float32) / np.float32(65535)
    transparent = open_again().info.get("transparency")
    if transparent is None:
        return levels
    alpha = (values != np.asarray(transparent)).any(axis=2, keepdims=True)
    return np.concatenate([levels, alpha.astype(np.float32)], axis=2)


def _raw_mode(image: ImageFile.ImageFile) -> str:
    args = image.tile[0].args
    return args if isinstance(args, str) else str(args and args[0])
