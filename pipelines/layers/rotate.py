"""Read windows of a rotated layer, by inverse mapping with a cubic kernel."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

from ..images.resample import straight
from .placement import Box, CanvasWindow


def rotate_window(planes: Tensor, box: Box, rotation: float, window: CanvasWindow) -> Tensor:
    """Return the pixels of a canvas window of a layer that is rotated about its box's centre.

    Args:
        planes: premultiplied float32 [4, box.height, box.width].
        rotation: radians, clockwise.

    Returns:
        Straight alpha [4, bottom - top, right - left]; transparent outside the layer.
    """
    top, bottom, left, right = window
    centre_x, centre_y = box.x + box.width / 2, box.y + box.height / 2
    y = torch.arange(top, bottom, dtype=planes.dtype, device=planes.device)[:, None] + 0.5 - centre_y
    x = torch.arange(left, right, dtype=planes.dtype, device=planes.device)[None, :] + 0.5 - centre_x
    sine, cosine = math.sin(rotation), math.cos(rotation)
    source_x = x * cosine + y * sine  # from the centre, in layer pixels
    source_y = y * cosine - x * sine
    result = _cubic(planes, source_x + box.width / 2 - 0.5, source_y + box.height / 2 - 0.5)
    return straight(result)


def _cubic(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Sample planes at pixel positions with the cubic kernel of a = -1.

    Pillow's `rotate`, and so core, has the same: a turned photograph is then within a level of core's, which
    with the softer Catmull-Rom kernel (a = -0.5) is ten levels away at one pixel in a hundred.

    Each axis' four taps are three bilinear look-ups: the middle two taps have one sign, so one look-up
    between them weighs them as they need.
    """
    result = planes.new_zeros(planes.shape[0], *x.shape)
    grid = planes.new_empty(1, *x.shape, 2)
    across, down = _look_ups(x, planes.shape[2]), _look_ups(y, planes.shape[1])
    for weight_y, place_y in down:
        grid[0, ..., 1] = place_y
        for weight_x, place_x in across:
            grid[0, ..., 0] = place_x
            sample = functional.grid_sample(planes[None], grid, mode="bilinear", align_corners=False)[0]
            result.addcmul_(sample, weight_x * weight_y)
    return result


def _look_ups(position: Tensor, side: int) -> list[tuple[Tensor, Tensor]]:
    """(weight, place) of the three look-ups of one axis; places in -1..1, as `grid_sample` counts."""
    base = position.floor()
    t = position - base
    rest = 1 - t
    left = 1 + t**2 * (t - 2)
    right = t * (1 + t * rest)
    middle = left + right
    base = (2 * base + 1) / side - 1
    step = 2 / side
    return [
        (-t * rest**2, base - step),
        (middle, torch.add(base, right / middle, alpha=step)),
        (-(t**2) * rest, base + 2 * step),
    ]
