"""Blend a layer seamlessly: it keeps its detail and takes on the light of the place it is put.

Gradient-domain cloning (Perez, Gangnet and Blake, "Poisson image editing", 2003) asks for the image
with the layer's gradients that meets the backdrop along the layer's border. Its difference from the
layer is then a membrane: harmonic inside, and backdrop minus layer on the border (see membrane.py). Only
that membrane is solved for and added, in sRGB values, as usual for this method.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from .document import Layer
from .membrane import membrane
from .placed import Patch, PlacedLayer
from .placement import Box, CanvasWindow

_BAND_PIXELS = 2**22


def seamless_layer(placed: PlacedLayer, canvas: Tensor) -> Layer:
    """The layer, unturned and at its own size, with the membrane added.

    Args:
        placed: the layer, visible on the canvas. What of it lies off the canvas meets the canvas' edge
            pixels; what lies further off than the canvas is large is left out.
        canvas: [H, W, 3 or 4], what lies under the layer, sRGB.

    Returns:
        A layer that covers the same pixels of the canvas and has the same mode and opacity.
    """
    box = _near(placed.bounds, canvas)
    colour, alpha = _read(placed, box)
    difference = _under(canvas, box, colour) - colour
    solved = (colour + membrane(difference, alpha)).clamp_(0.0, 1.0)
    planes = solved if alpha is None else torch.cat((solved, alpha[None]))
    return replace(
        placed.layer,
        image=planes.permute(1, 2, 0)[None].contiguous(),
        mask=None,
        box=box,
        flip_h=False,
        flip_v=False,
        rotation=0.0,
        seamless=False,
    )


def _read(placed: PlacedLayer, box: Box) -> Patch:
    """The layer's pixels in a box, in bands: to turn a large one at once would be one step of seconds."""
    rows = max(1, _BAND_PIXELS // box.width)
    bottom = box.y + box.height
    bands = [
        placed.read(CanvasWindow(top, min(top + rows, bottom), box.x, box.x + box.width))
        for top in range(box.y, bottom, rows)
    ]
    if len(bands) == 1:
        return bands[0]
    alphas = [band.alpha for band in bands if band.alpha is not None]
    colour = torch.cat([band.colour for band in bands], dim=1)
    return Patch(colour, torch.cat(alphas) if alphas else None)


def _near(box: Box, canvas: Tensor) -> Box:
    """The part of a box that lies on the canvas or within the canvas' own size of it."""
    height, width = canvas.shape[:2]
    left, top = max(box.x, -width), max(box.y, -height)
    right, bottom = min(box.x + box.width, 2 * width), min(box.y + box.height, 2 * height)
    return Box(left, top, right - left, bottom - top)


def _under(canvas: Tensor, box: Box, layer: Tensor) -> Tensor:
    """The canvas' colour under a box as planes; the layer's own where the canvas is transparent."""
    height, width = canvas.shape[:2]
    x, y, box_width, box_height = box
    rows = torch.arange(y, y + box_height, device=canvas.device).clamp_(0, height - 1)
    columns = torch.arange(x, x + box_width, device=canvas.device).clamp_(0, width - 1)
    pixels = canvas[rows[:, None], columns].permute(2, 0, 1)
    if pixels.shape[0] == 3:
        return pixels
    return torch.where(pixels[3] > 0, pixels[:3], layer)
