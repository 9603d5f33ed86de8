"""Cut an image into the square views that a classifier takes: all of it, whatever its shape.

A plain centre crop hides 43 percent of a 16:9 image from the classifier. So the whole image is squashed
to a square, and a long one is cut into overlapping squares as well. What is small in a large image is lost
in that; overlapping quarters show it at nearly twice the size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SQUARE_ENOUGH = 1.2  # up to this ratio of the sides the squashed view alone will do
STEP = 0.8  # of a window: neighbours share at least a fifth, so that no border halves what matters
TILE = 0.6  # of each side: neighbouring tiles share a third
TILED_PIXELS = 2_000_000  # from here on an image is tiled, where tiles are on
MAX_WINDOWS = 15  # beyond it (a ratio of 12.2) the windows are longer than wide and squashed as well


def square_views(image: Tensor, side: int, tiles: bool = False) -> Tensor:
    """Squash an image to `side` x `side`, and overlapping squares along its long side as well.

    Resampling is bicubic with antialiasing; its overshoot is clamped.

    Args:
        image: float [B, H, W, 3], 0..1.
        tiles: four overlapping quarters as well, where there are over two megapixels.

    Returns:
        float [B, V, 3, side, side], 0..1. V is 1, plus the number of windows where the sides differ, plus
        4 where there are tiles.
    """
    x = image.permute(0, 3, 1, 2)
    axis = 2 if x.shape[2] > x.shape[3] else 3
    parts = [x, *(x.narrow(axis, *window) for window in square_windows(max(x.shape[2:]), min(x.shape[2:])))]
    if tiles and x.shape[2] * x.shape[3] > TILED_PIXELS:
        parts += _quarters(x)
    views = [functional.interpolate(part, (side, side), mode="bicubic", antialias=True) for part in parts]
    return torch.stack(views, dim=1).clamp_(0, 1)


def square_windows(long: int, short: int) -> list[tuple[int, int]]:
    """Return (start, length) along the long side, in order; empty where the sides are nearly equal."""
    if long <= SQUARE_ENOUGH * short:
        return []
    count = min(MAX_WINDOWS, 1 + math.ceil((long / short - 1) / STEP))
    length = max(short, math.ceil(long / (1 + STEP * (count - 1))))
    return [(round((long - length) * index / (count - 1)), length) for index in range(count)]


def _quarters(x: Tensor) -> list[Tensor]:
    """Return four parts of [B, 3, H, W], each of three fifths of either side."""
    height, width = (math.ceil(length * TILE) for length in x.shape[2:])
    return [
        x[:, :, top : top + height, left : left + width]
        for top in (0, x.shape[2] - height)
        for left in (0, x.shape[3] - width)
    ]
