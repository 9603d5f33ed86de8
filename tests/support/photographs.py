"""A photograph as floats, and the same moved by parts of a pixel without interpolation."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from PIL import Image
from torch.nn.functional import avg_pool2d

HEIGHT, WIDTH = 384, 512
_FINE = 4  # samples of a pixel
_BORDER = 16  # pixels on every side that a shift may bring in
_FILE = Path(__file__).resolve().parents[2] / "samples" / "coffee.jpg"


@functools.cache
def _samples() -> torch.Tensor:
    """[1, 3, H, W], four samples a pixel along each side."""
    size = (_FINE * (WIDTH + 2 * _BORDER), _FINE * (HEIGHT + 2 * _BORDER))
    with Image.open(_FILE) as file:
        image = file.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    levels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return levels.reshape(1, size[1], size[0], 3).permute(0, 3, 1, 2) / 255


def photograph(x: float = 0.0, y: float = 0.0) -> torch.Tensor:
    """[384, 512, 3], 0..1, sRGB; its content `x` pixels to the right and `y` down, multiples of a quarter."""
    top, left = (_FINE * _BORDER - round(_FINE * shift) for shift in (y, x))
    cut = _samples()[:, :, top : top + _FINE * HEIGHT, left : left + _FINE * WIDTH]
    return avg_pool2d(cut, _FINE)[0].permute(1, 2, 0).contiguous()
