"""ICC profiles applied to levels of more than 8 bits.

Profiles of curves and a matrix are evaluated exactly (icc.py). What only littleCMS can evaluate, a profile
with lookup tables, is sampled through it at 52 levels a channel and interpolated linearly between them;
the samples have littleCMS's 8 bits.
"""

from __future__ import annotations

import itertools
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .color import foreign_transform, levels_of
from .color_model import to_srgb_levels
from .icc import PROFILE_ERRORS, changes_nothing, read_profile

logger = logging.getLogger(__name__)

_STEPS = 52  # levels 0, 5, 10 ... 255, which 8 bits hold exactly
_STRIP_PIXELS = 1 << 16


def apply_profile(levels: NDArray[Any], icc: bytes, name: str) -> NDArray[Any]:
    """Convert float32 levels [H, W, C] from a profile to sRGB in place; alpha stays as it is.

    A profile that cannot be read or does not fit the pixels is ignored, with a line in the log.

    Args:
        name: what the log calls the image.
    """
    if not icc:
        return levels
    space = "RGB" if levels.shape[2] > 2 else "GRAY"
    try:
        profile = read_profile(icc)
    except PROFILE_ERRORS as error:
        logger.warning("%s has a colour profile that cannot be read (%s); it counts as sRGB.", name, error)
        return levels
    if profile.space != space:
        logger.warning(
            "%s has a colour profile for %s, not %s; it counts as sRGB.", name, profile.space, space
        )
        return levels
    if profile.model is None:
        return _sampled(levels, icc, name)
    return (
        levels if space == "RGB" and changes_nothing(profile.model) else to_srgb_levels(levels, profile.model)
    )


def _sampled(levels: NDArray[Any], icc: bytes, name: str) -> NDArray[Any]:
    colors = 3 if levels.shape[2] > 2 else 1
    table = _table(icc, name, colors)
    if table is None:
        return levels
    rows = max(1, _STRIP_PIXELS // levels.shape[1])
    for top in range(0, len(levels), rows):
        strip = levels[top : top + rows, :, :colors]
        strip[...] = _interpolate(table, strip.reshape(-1, colors)).reshape(strip.shape)
    return levels


def _table(icc: bytes, name: str, colors: int) -> NDArray[np.float32] | None:
    """sRGB 0..1 at each step of each channel, [52, ... , colors]."""
    steps = np.linspace(0, 255, _STEPS).round().astype(np.uint8)
    nodes = np.stack(np.meshgrid(*(steps,) * colors, indexing="ij"), axis=-1).reshape(_STEPS, -1, colors)
    image = Image.fromarray(nodes if colors == 3 else np.ascontiguousarray(nodes[..., 0]))
    image.info["icc_profile"] = icc
    transform = foreign_transform(image, name)
    if transform is None:
        return None
    sampled = levels_of(transform.apply(image))[..., :colors].astype(np.float32) / np.float32(255)
    table: NDArray[np.float32] = sampled.reshape(*(_STEPS,) * colors, colors)
    return table


def _interpolate(table: NDArray[np.float32], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Linear between the steps of each channel, [N, colors]."""
    position = values * np.float32(_STEPS - 1)
    low = np.clip(position.astype(np.intp), 0, _STEPS - 2)
    share = (position - low).astype(np.float32)
    result = np.zeros_like(values)
    for corner in itertools.product((0, 1), repeat=values.shape[1]):
        weight = np.prod(np.where(corner, share, 1 - share), axis=1, keepdims=True)
        result += weight * table[tuple((low + corner).T)]
    return result
