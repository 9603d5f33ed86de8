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
    base_x, base_y = x.floor(), y.floor()
    for weight_y, offset_y in _taps(y - base_y):
        for weight_x, offset_x in _taps(x - base_x):
            sample = _bilinear(planes, base_x + offset_x, base_y + offset_y)
            result.addcmul_(sample, weight_x * weight_y)
    return result


def _taps(t: Tensor) -> list[tuple[Tensor, Tensor]]:
    """(weight, offset from the pixel to the left) of the three look-ups; t in 0..1."""
    before = -t * (1 - t) ** 2
    left = 1 + t**2 * (t - 2)
    right = t * (1 + t * (1 - t))
    after = -(t**2) * (1 - t)
    middle = left + right
    return [
        (before, torch.full_like(t, -1.0)),
        (middle, right / middle),
        (after, torch.full_like(t, 2.0)),
    ]


def _bilinear(planes: Tensor, x: Tensor, y: Tensor) -> Tensor:
    height, width = planes.shape[1:]
    grid = torch.stack(((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    return functional.grid_sample(planes[None], grid[None], mode="bilinear", align_corners=False)[0]
