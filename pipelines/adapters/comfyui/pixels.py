"""The pixel work around a generative model: images to what it sees, and its output to the result."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import adaptive_max_pool2d, max_pool2d

from ...common.settings import Limits
from ...common.types import Size
from ...images.levels import FAINTEST, MASK_EDGE
from ...images.resample import resize, resize_mask
from ...layers.masked import keep_outside, with_channels
from ...layers.placement import Box, CanvasWindow
from ...planning.shape import shown_box
from .mask_shape import faded, grown, without_specks
from .reference_fit import CropWindow, ReferenceFit, bounded_size

# The edge of an edit fades in over this share of the result's side: 4 pixels at one megapixel.
_SOFT_EDGE = 1 / 256
_RING = 0.5  # how free the latent cells around the mask are, so that both sides of the edge agree


def frame_of(batch: Tensor, frame: int) -> Tensor:
    """Frame `frame` of a batch [B, ...] as [1, ...]; a shorter batch serves with its last."""
    return batch[min(frame, len(batch) - 1)][None].float()


def opaque(image: Tensor) -> Tensor:
    """An image [B, H, W, 3 or 4] as [B, H, W, 3]: transparency shows white, as on paper."""
    if image.shape[3] == 3:
        return image
    alpha = image[..., 3:]
    return image[..., :3] * alpha + (1.0 - alpha)


def framed(image: Tensor, fit: ReferenceFit) -> Tensor:
    """The part of an image [1, H, W, C] that a fit shows, at the canvas' resolution."""
    if fit.canvas is None:
        return image
    box = _cover(image, fit.canvas)
    return _cut(resize(image, (box.width, box.height)), box, fit.window or (0, 0, *fit.canvas))


def fitted(image: Tensor, fit: ReferenceFit) -> Tensor:
    """An image [1, H, W, C] at the size of a fit."""
    return resize(framed(image, fit), fit.size)


def fitted_mask(mask: Tensor, image: Tensor, fit: ReferenceFit) -> Tensor:
    """An edit mask [1, h, w], 1 = change here, stretched over an image as the fit shows that image.

    What is too faint to count in the mask itself is 0.
    """
    canvas = fit.canvas or (image.shape[2], image.shape[1])
    box = _cover(image, canvas)
    covering = _covering_mask(mask, box)
    fitted = resize_mask(_cut(covering, box, fit.window or (0, 0, *canvas)), fit.size).clamp(0.0, 1.0)
    return torch.where(fitted > 1 - MASK_EDGE, 1.0, torch.where(fitted < MASK_EDGE, 0.0, fitted))


def grown_mask(mask: Tensor, image: Tensor, canvas: Size, pixels: int) -> Tensor:
    """An edit mask [1, h, w] at the size at which its image covers a canvas, grown by pixels of that."""
    return grown(_covering_mask(mask, _cover(image, canvas)), pixels)


def canvas_bounds(mask: Tensor, image: Tensor, canvas: Size) -> CanvasWindow:
    """The window on the canvas of what an edit mask [B, h, w] changes in any frame; empty where nothing is.

    Where the mask is resized, a side may be a pixel further out: only the largest value of each row and
    column is looked at, since planning waits for it.
    """
    box = _cover(image, canvas)
    rows, columns = (_selected(mask.amax(dim=axis).amax(dim=0)) for axis in (2, 1))
    top, bottom = _reached(rows, mask.shape[1], box.height, -box.y, canvas[1])
    left, right = _reached(columns, mask.shape[2], box.width, -box.x, canvas[0])
    return (
        CanvasWindow(top, bottom, left, right) if top < bottom and left < right else CanvasWindow(0, 0, 0, 0)
    )


def latent_mask(mask: Tensor, cell: int) -> Tensor:
    """Return the free part of a latent: [1, 1, H, W] of an edit mask [1, H, W], in cells of `cell` pixels.

    Every cell that the mask touches is free, since a cell is not free in part; a ring around is half free.
    It has the pixels' size, as ComfyUI scales it to the latent's without a filter: of one value for each cell
    a latent finer than the cells would get mixtures.
    """
    cells = adaptive_max_pool2d(mask[None], (mask.shape[1] // cell, mask.shape[2] // cell))
    freed = torch.maximum(cells, _RING * max_pool2d(cells, 3, stride=1, padding=1))
    return freed.repeat_interleave(cell, dim=2).repeat_interleave(cell, dim=3)


def finished(
    edited: Tensor,
    size: Size,
    base: Tensor,
    mask: Tensor,
    fit: ReferenceFit,
    feather: int | None = None,
    pull_in: int = 0,
) -> Tensor:
    """The result of an edit inside a mask: outside it the base's own pixels, bit for bit.

    Args:
        edited: the model's outputs [B, h, w, 3 or 4], of any float type and on any device, as the mask.
        size: (width, height) of the result.
        base: float32 [1, H, W, 3 or 4]; the result is of its type and on its device.
        mask: edit mask [1, h, w], 1 = change here; the edge of the edit fades in inside it.
        fit: which part of the canvas was edited.
        feather: pixels of the result over which the edit fades in; None is 4 at one megapixel.
        pull_in: pixels inside the mask's edge at which that begins.
    """
    canvas = fitted(base, ReferenceFit(size, size))
    x, y, width, height = fit.window or (0, 0, *size)
    window = (slice(y, y + height), slice(x, x + width))
    change = fitted_mask(mask.to(base), base, ReferenceFit(size, size))[0][window]
    soft = round(_SOFT_EDGE * (size[0] * size[1]) ** 0.5) if feather is None else feather
    change = faded(change, soft, pull_in)
    results = []
    for output in resize(edited.to(base), (width, height)):
        result = with_channels(canvas[0], max(base.shape[3], edited.shape[3])).clone()
        result[window] = keep_outside(canvas[0][window], output, change)
        results.append(result)
    return torch.stack(results)


def _selected(largest: Tensor) -> tuple[int, int]:
    """From where to where, stop exclusive, there is a value that counts."""
    at = torch.nonzero(largest >= FAINTEST).flatten()
    return (int(at[0]), int(at[-1]) + 1) if len(at) else (0, 0)


def _reached(span: tuple[int, int], length: int, covering: int, cut: int, shown: int) -> tuple[int, int]:
    """Where a span of a side of `length` is once that is resized to `covering`, and that cut to `shown`."""
    if span[0] == span[1]:
        return 0, 0
    scale = length / covering
    support = max(scale, 1.0) - 0.5  # from a pixel's own border to the end of the filter's triangle
    start = math.floor((span[0] - support) / scale - 0.5) + 1 - cut
    stop = math.ceil((span[1] + support) / scale - 0.5) - cut
    return max(start, 0), min(stop, shown)


def _covering_mask(mask: Tensor, box: Box) -> Tensor:
    return resize_mask(without_specks(mask), (box.width, box.height)).clamp(0.0, 1.0)


def _cover(image: Tensor, canvas: Size) -> Box:
    return shown_box((image.shape[2], image.shape[1]), canvas)


def require_bounds(fit: ReferenceFit, image: Tensor, limits: Limits) -> None:
    """Refuse what would make an image [1, H, W, ...] too large on its way to a fit.

    Raises:
        InvalidRequest: to cover the fit's canvas it would be larger than a canvas may be.
    """
    if fit.canvas is not None:
        box = _cover(image, fit.canvas)
        bounded_size((box.width, box.height), "fit.canvas, covered by the image,", limits)


def _cut(covering: Tensor, box: Box, window: CropWindow) -> Tensor:
    """A window of a canvas that an image or mask [1, H, W, ...] covers by `box`."""
    x, y, width, height = window
    return covering[:, y - box.y : y - box.y + height, x - box.x : x - box.x + width]
