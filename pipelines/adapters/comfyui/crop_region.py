"""Crop and stitch: choose which part of a large image is edited, when only a part of it may change.

A model edits about one megapixel. Of a 12 MP photograph with a small mask it is better given the mask's
surroundings at their own size than the whole image at a quarter of it: the edit is sharper, and what
is pasted back fits the rest pixel for pixel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...common.types import Size
from .reference_fit import CropWindow, on_budget

# The mask's longer side grows by this factor, and both alike, so that the model sees what it has to match.
_CONTEXT = 1.5
_LEAST_CONTEXT = 64
# Beyond this share of the image the part costs nearly what the whole costs.
_LARGEST_SHARE = 0.6
# Shares of the native area between which a part is edited at its own pixels, not resampled; a smaller one
# would be too coarse for the model.
_OWN_PIXELS = (0.5, 1.05)


@dataclass(frozen=True)
class CropRegion:
    """A part of the result.

    Attributes:
        window: (x, y, width, height) in pixels of the result.
        work: (width, height) at which the model edits it, on the model's grid.
    """

    window: CropWindow
    work: Size


def choose_crop_region(
    bounds: Sequence[int],
    canvas: Size,
    native_pixels: int,
    grid: int,
    *,
    always: bool = False,
    context: float | None = None,
) -> CropRegion | None:
    """Choose the part around a mask; None where the whole image is as good.

    Args:
        bounds: (top, bottom, left, right) of the mask on the canvas, stops exclusive.
        canvas: (width, height) of the result.
        native_pixels: the area that the model was trained for.
        always: take the part even where it spares little.
        context: the part's side as a multiple of the mask's box; None is `_CONTEXT`, and no less than what
            the model edits at full size.
    """
    top, bottom, left, right = bounds
    share = ((context or _CONTEXT) - 1) / 2
    margin = max(_LEAST_CONTEXT, round(share * max(right - left, bottom - top)))
    wanted = (right - left + 2 * margin, bottom - top + 2 * margin)
    # No smaller than what the model edits at full size anyway: more of the surroundings costs nothing.
    growth = 1.0 if context else max(1.0, math.sqrt(native_pixels / math.prod(wanted)))
    x, width = _span(left, right, wanted[0] * growth, canvas[0], grid)
    y, height = _span(top, bottom, wanted[1] * growth, canvas[1], grid)
    spared = math.prod(canvas) > native_pixels and width * height <= _LARGEST_SHARE * math.prod(canvas)
    if not (spared or always):
        return None
    area = width * height
    if not _OWN_PIXELS[0] <= area / native_pixels <= _OWN_PIXELS[1]:
        area = native_pixels
    return CropRegion((x, y, width, height), on_budget((width, height), area, grid))


def _span(first: int, last: int, wanted: float, limit: int, grid: int) -> tuple[int, int]:
    """Return where a side of the part begins and how long it is: on the grid, and within the canvas."""
    length = min(math.ceil(wanted / grid) * grid, limit)
    start = (first + last - length) // 2
    return min(max(start, 0), limit - length), length
