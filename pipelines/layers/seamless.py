"""Blend a layer seamlessly: it keeps its detail and takes on the light of the place it is put.

Gradient-domain cloning (Perez, Gangnet and Blake, "Poisson image editing", 2003) asks for the image
with the layer's gradients that meets the backdrop along the layer's border. Its difference from the
layer is then a membrane: harmonic inside, and backdrop minus layer on the border (see membrane.py). Only
that membrane is solved for and added, in sRGB values, as usual for this method.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from .document import Layer
from .membrane import enlarge, membrane
from .placed import PlacedLayer
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
    planes = _read(placed, box)
    colour, alpha = planes[:3], planes[3] if planes.shape[0] == 4 else None
    # One channel after the other, in place: a large layer is here once, beside a third of its size.
    differences = (
        under.sub_(plane) for under, plane in zip(_under(canvas, box, colour), colour, strict=True)
    )
    for plane, cells in zip(colour, membrane(differences, alpha), strict=True):
        plane.add_(enlarge(cells, (box.height, box.width))).clamp_(0.0, 1.0)
    return replace(
        placed.layer,
        image=planes.permute(1, 2, 0)[None],
        mask=None,
        box=box,
        flip_h=False,
        flip_v=False,
        rotation=0.0,
        seamless=False,
    )


def _read(placed: PlacedLayer, box: Box) -> Tensor:
    """The layer's planes in a box, in bands: to turn a large one at once would be one step of seconds."""
    rows = max(1, _BAND_PIXELS // box.width)
    bottom, right = box.y + box.height, box.x + box.width
    windows = [CanvasWindow(top, min(top + rows, bottom), box.x, right) for top in range(box.y, bottom, rows)]
    first = placed.read_planes(windows[0])
    if len(windows) == 1:
        return first
    planes = first.new_empty(len(first), box.height, box.width)
    planes[:, :rows] = first
    for window in windows[1:]:
        planes[:, window.top - box.y : window.bottom - box.y] = placed.read_planes(window)
    return planes


def _near(box: Box, canvas: Tensor) -> Box:
    """The part of a box that lies on the canvas or within the canvas' own size of it."""
    height, width = canvas.shape[:2]
    left, top = max(box.x, -width), max(box.y, -height)
    right, bottom = min(box.x + box.width, 2 * width), min(box.y + box.height, 2 * height)
    return Box(left, top, right - left, bottom - top)


def _under(canvas: Tensor, box: Box, layer: Tensor) -> Iterator[Tensor]:
    """The canvas' colour under a box, channel by channel; the layer's own where the canvas is transparent."""
    height, width, channels = canvas.shape
    x, y, box_width, box_height = box
    rows = torch.arange(y, y + box_height, device=canvas.device).clamp_(0, height - 1)
    columns = torch.arange(x, x + box_width, device=canvas.device).clamp_(0, width - 1)
    for channel, own in enumerate(layer):
        under = canvas[rows[:, None], columns, channel]
        yield torch.where(canvas[rows[:, None], columns, 3] > 0, under, own) if channels == 4 else under
