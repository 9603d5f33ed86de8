"""Read any window of a placed layer, in canvas pixels, without making the whole placed layer.

Flips and quarter turns are read in place, a resize computes only the window's rows and columns, and a
native layer is only copied to planes. A layer at another angle is the exception: it is resized whole, since
a turned strip reaches across all of its rows, and takes four thirds of its own size in RGB.
"""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import NamedTuple

import torch.nn.functional as functional
from torch import Tensor

from ..images.levels import inverted_mask
from ..images.resample import AxisKernel, resample_columns, resample_rows, straight
from .document import Layer, rotated_bounds
from .placement import Box, CanvasWindow
from .planes import copy_planes
from .rotate import rotate_window

_STRIP_ROWS = 64
_NO_ANGLE = 1e-6  # radians: a hundredth of a pixel at the far end of the largest layer


class Patch(NamedTuple):
    """A window's pixels: colour float32 [3, h, w], sRGB, straight; alpha [h, w], or None when opaque."""

    colour: Tensor
    alpha: Tensor | None


def quarter_turned(layer: Layer) -> Layer:
    """The layer with its quarter turns as flips and a transposed view, which lose nothing.

    Where an odd difference of the sides puts the turned box between two pixels, it goes to the left and up.
    """
    turns = round(layer.rotation / (math.pi / 2))
    if turns == 0 or abs(layer.rotation - turns * math.pi / 2) > _NO_ANGLE:
        return layer
    if turns % 2:
        x, y, width, height = layer.box
        layer = replace(
            layer,
            image=layer.image.transpose(1, 2),
            mask=None if layer.mask is None else layer.mask.transpose(1, 2),
            box=Box(x + (width - height) // 2, y + (height - width) // 2, height, width),
            flip_h=not layer.flip_v,
            flip_v=layer.flip_h,
        )
    half = turns % 4 >= 2
    return replace(layer, rotation=0.0, flip_h=layer.flip_h != half, flip_v=layer.flip_v != half)


class PlacedLayer:
    """One frame of one layer, ready to be read by windows.

    Args:
        layer: the layer.
        frame: which frame of its image and mask; a single frame serves every one.
        canvas: (width, height); nothing outside it is ever computed, except for a turned or seamless layer.
    """

    def __init__(self, layer: Layer, frame: int, canvas: tuple[int, int]) -> None:
        self.layer = layer = quarter_turned(layer)
        self.image = layer.image[min(frame, layer.image.shape[0] - 1)]
        self.mask = _mask(layer, frame)
        self.bounds = rotated_bounds(layer.box, layer.rotation)
        self._opaque = self.image.shape[2] == 3 and self.mask is None
        self._rows = self._kernel(0, canvas[1])
        columns = self._kernel(1, canvas[0])
        self._columns = [] if columns is None else columns.blocks(*self._shown(1, canvas[0]))
        self._turned: Tensor | None = None
        self._turning = threading.Lock()

    @property
    def unchanged(self) -> bool:
        """Return whether the box shows the image's pixels as they are."""
        layer = self.layer
        return layer.native and not (layer.flip_h or layer.flip_v or layer.rotation)

    def _kernel(self, axis: int, canvas: int) -> AxisKernel | None:
        """What resizes the rows (axis 0) or columns (1) that a canvas of so many shows, or None."""
        source, target = self.image.shape[axis], self._side(axis)
        start, stop = self._shown(axis, canvas)
        if source == target or start >= stop:
            return None
        return AxisKernel(source, target, start, stop, self.image.device)

    def _side(self, axis: int) -> int:
        return self.layer.box.width if axis else self.layer.box.height

    def _shown(self, axis: int, canvas: int) -> tuple[int, int]:
        """The rows or columns of the box that a canvas of so many can show."""
        origin = self.layer.box.x if axis else self.layer.box.y
        if self.layer.rotation != 0:
            return 0, self._side(axis)
        around = canvas if self.layer.seamless else 0
        return max(0, -origin - around), min(self._side(axis), canvas + around - origin)

    def visible(self, window: CanvasWindow) -> CanvasWindow | None:
        """The part of a canvas window that the layer can touch, or None."""
        box = self.bounds
        part = CanvasWindow(
            max(window.top, box.y),
            min(window.bottom, box.y + box.height),
            max(window.left, box.x),
            min(window.right, box.x + box.width),
        )
        return part if part.top < part.bottom and part.left < part.right else None

    def read(self, window: CanvasWindow) -> Patch:
        """The layer's pixels in a window inside `bounds`; flips, resize and rotation applied."""
        planes = self.read_planes(window)
        return Patch(planes[:3], planes[3] if planes.shape[0] == 4 else None)

    def read_planes(self, window: CanvasWindow) -> Tensor:
        """The same as `read` in one new tensor [3 or 4, h, w]."""
        box = self.layer.box
        if self.layer.rotation != 0:
            return rotate_window(self._whole(), box, self.layer.rotation, window)
        return self._resized(
            window.top - box.y, window.bottom - box.y, window.left - box.x, window.right - box.x
        )

    def _whole(self) -> Tensor:
        """The resized layer, premultiplied [4, H, W]; made once, by whichever thread is first."""
        with self._turning:
            if self._turned is None:
                self._turned = self._premultiplied()
        return self._turned

    def _premultiplied(self) -> Tensor:
        box = self.layer.box
        whole = self.image.new_ones(4, box.height, box.width)
        for top in range(0, box.height, _STRIP_ROWS):
            bottom = min(top + _STRIP_ROWS, box.height)
            strip = self._resized(top, bottom, 0, box.width)
            whole[: strip.shape[0], top:bottom] = strip
        whole[:3] *= whole[3:]
        return whole

    def _resized(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """Rows top:bottom and columns left:right of the box, planar, straight alpha."""
        if not self._columns and self._rows is None:
            return self._planes(top, bottom, left, right)
        rows = [] if self._rows is None else self._rows.blocks(top, bottom)
        columns = [block for block in self._columns if block.stop > left and block.start < right]
        first_row, last_row = (rows[0].first, rows[-1].last) if rows else (top, bottom)
        first, last = (columns[0].first, columns[-1].last) if columns else (left, right)
        planes = self._planes(first_row, last_row, first, last)
        if planes.shape[0] == 4:
            planes[:3] *= planes[3:]
        if rows:
            planes = resample_rows(planes, rows, first_row)
        if columns:
            planes = resample_columns(planes, columns, first)
            planes = planes[:, :, left - columns[0].start : right - columns[0].start]
        return straight(planes) if planes.shape[0] == 4 else planes.clamp_(0.0, 1.0)

    def _planes(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """A window of the source after its flips, as fresh planes [3 or 4, h, w] with straight alpha."""
        height, width = self.image.shape[:2]
        rows = slice(height - bottom, height - top) if self.layer.flip_v else slice(top, bottom)
        columns = slice(width - right, width - left) if self.layer.flip_h else slice(left, right)
        source = self.image[rows, columns]
        channels = 3 if self._opaque else 4
        planes = source.new_empty(channels, *source.shape[:2])
        copy_planes(planes[:3], source[..., :3])
        if channels == 4:
            self._fill_alpha(planes[3], source, rows, columns)
        flips = [axis for axis, flip in ((1, self.layer.flip_v), (2, self.layer.flip_h)) if flip]
        return planes.flip(flips) if flips else planes

    def _fill_alpha(self, alpha: Tensor, source: Tensor, rows: slice, columns: slice) -> None:
        if self.mask is None:
            alpha.copy_(source[..., 3])
            return
        inverted_mask(self.mask[rows, columns], alpha)
        if source.shape[2] == 4:
            alpha *= source[..., 3]


def _mask(layer: Layer, frame: int) -> Tensor | None:
    """The frame's mask [H, W] at the image's size; stretched bilinearly, as core does."""
    if layer.mask is None:
        return None
    mask = layer.mask[min(frame, layer.mask.shape[0] - 1)]
    size = layer.image.shape[1:3]
    if mask.shape == size:
        return mask
    return functional.interpolate(mask[None, None], size=size, mode="bilinear")[0, 0]
