"""Blur an image so that what is left of it is bounded, whoever looks.

A Gaussian blur can be reversed, since it keeps every frequency to some degree, and people name a scene from
32 x 32 pixels. Here the result depends on at most 16 x 16 x 3 numbers of 5 bits.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CELLS = 16  # on the long side
LEVELS = 31  # steps of a channel in 5 bits
_PIXELS_A_CELL = 4  # at least: an image of 16 pixels must not come through whole


def blur(image: Tensor) -> Tensor:
    """Area-average to cells, round to 5 bits a channel, enlarge smoothly.

    Args:
        image: float [B, H, W, C], C = 3 or 4 (straight alpha). It may hold NaN (taken as 0) and infinities,
            and is left as it is. Transparent parts are averaged as if they lay on white.

    Returns:
        As the input in shape, dtype and device; finite, 0..1, alpha 1. Each image of the batch for itself.
    """
    height, width = image.shape[1:3]
    smooth = functional.interpolate(_cells(image), (height, width), mode="bicubic", antialias=True)
    colour = smooth.clamp_(0, 1).permute(0, 2, 3, 1)
    whole = functional.pad(colour, (0, 1), value=1.0) if image.shape[3] == 4 else colour
    return whole.contiguous().to(image.dtype)


def _cells(image: Tensor) -> Tensor:
    """The averages that are left, [B, 3, h, w]."""
    clean = torch.nan_to_num(image.float()).clamp_(0, 1)
    if clean.shape[3] == 4:
        alpha = clean[..., 3:]
        clean = clean[..., :3] * alpha + (1 - alpha)
    means = functional.adaptive_avg_pool2d(clean.permute(0, 3, 1, 2), cell_counts(*clean.shape[1:3]))
    return ((means * LEVELS).round() / LEVELS).contiguous()


def cell_counts(height: int, width: int) -> tuple[int, int]:
    """Cells down and across: at most 16 on the long side, the image's ratio kept, at least one."""
    long = max(height, width)
    cells = min(CELLS, max(1, long // _PIXELS_A_CELL))
    return max(1, round(cells * height / long)), max(1, round(cells * width / long))
