"""Resample float images with Lanczos as matrix products, whole or by any window of the result.

A resize is separable, so a window of the result is `rows @ image @ columns` with two banded matrices;
cut into blocks of the band they are dense and small, and the matrix product is the fastest thing that
every device has. A window costs only itself, which is what compositing in strips needs.

The kernel is Lanczos with three lobes, widened by the factor when shrinking (so nothing aliases), with
Pillow's sample positions and normalisation. Pillow rounds and clamps to 8 bits between the two axes: away
from hard edges the results agree with `Image.resize(..., LANCZOS)` to that rounding, beside them they keep
what Pillow clamps, up to some twenty levels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate

_LOBES = 3.0
_LEAST_ALPHA = 2**-20  # above float rounding, and below what shows on black in linear light
_BLOCK = 32  # results a block: wide enough for an efficient product, narrow enough for a dense band


class Block(NamedTuple):
    """Results `start:stop` of one axis are `weights @ sources[first:last]`.

    weights: float32 [stop - start, last - first].
    """

    start: int
    stop: int
    first: int
    last: int
    weights: Tensor


class AxisKernel:
    """What resamples one axis of `source` pixels to `target`: each result's few weights, made once.

    Args:
        start, stop: the results that may be asked for.
    """

    def __init__(
        self, source: int, target: int, start: int, stop: int, device: torch.device | None = None
    ) -> None:
        scale = source / target
        width = max(scale, 1.0)
        centres = (torch.arange(start, stop, dtype=torch.float64) + 0.5) * scale
        first = torch.floor(centres - _LOBES * width).long()
        taps = first[:, None] + torch.arange(math.ceil(2 * _LOBES * width) + 1)
        distance = (taps + 0.5 - centres[:, None]) / width
        weights = torch.sinc(distance) * torch.sinc(distance / _LOBES)
        weights[(distance.abs() >= _LOBES) | (taps < 0) | (taps >= source)] = 0.0
        self._source, self._start = source, start
        self._weights = (weights / weights.sum(dim=1, keepdim=True)).to(torch.float32)
        self._taps = taps
        self._device = device

    def blocks(self, start: int, stop: int) -> list[Block]:
        """The blocks of the results start..stop."""
        starts = range(start, stop, _BLOCK)
        return [self._block(each, min(each + _BLOCK, stop)) for each in starts]

    def _block(self, start: int, stop: int) -> Block:
        """The weights of some results, moved from their own taps to a band of sources that they share."""
        rows = slice(start - self._start, stop - self._start)
        taps = self._taps[rows]
        low, high = int(taps[0, 0]), int(taps[-1, -1]) + 1
        band = torch.zeros(stop - start, high - low).scatter_(1, taps - low, self._weights[rows])
        first, last = max(0, low), min(self._source, high)
        return Block(start, stop, first, last, band[:, first - low : last - low].to(device=self._device))


def axis_blocks(
    source: int, target: int, start: int, stop: int, device: torch.device | None = None
) -> list[Block]:
    """The blocks that resample one axis of `source` pixels to `target`, for results start..stop only."""
    return AxisKernel(source, target, start, stop, device).blocks(start, stop)


def resample_rows(image: Tensor, blocks: list[Block], origin: int = 0) -> Tensor:
    """Resample the rows of a planar image [C, H, W]; its first row is row `origin` of the source."""
    rows = [
        torch.matmul(block.weights, image[:, block.first - origin : block.last - origin]) for block in blocks
    ]
    return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)


def resample_columns(image: Tensor, blocks: list[Block], origin: int = 0) -> Tensor:
    """Resample the columns of a planar image [C, H, W]; its first column is column `origin`."""
    channels, height, width = image.shape
    flat = image.reshape(channels * height, width)
    result = flat.new_empty(channels * height, blocks[-1].stop - blocks[0].start)
    for block in blocks:
        target = result[:, block.start - blocks[0].start : block.stop - blocks[0].start]
        torch.mm(flat[:, block.first - origin : block.last - origin], block.weights.T, out=target)
    return result.reshape(channels, height, -1)


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize images or masks to (width, height).

    Args:
        image: float32 [B, H, W, C] or mask [B, H, W]; four channels are RGB with straight alpha, which is
            resampled premultiplied so that hidden colours do not bleed into visible ones.

    Returns:
        A tensor of the same layout, clamped to 0..1; the input itself where the size already fits.
    """
    height, width = image.shape[1:3]
    if (width, height) == size:
        return image
    columns = axis_blocks(width, size[0], 0, size[0], image.device)
    rows = axis_blocks(height, size[1], 0, size[1], image.device)
    result = image.new_empty(len(image), size[1], size[0], *image.shape[3:])
    for frame, target in zip(image, result, strict=True):
        _resize_frame(frame, target, rows, columns)
    return result


def resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize an edit mask [1, H, W], float or 8-bit levels, to (width, height); itself where it fits.

    With an antialiased triangle, which unlike Lanczos has no lobes: black stays 0 away from an edge.
    """
    if size == (mask.shape[2], mask.shape[1]):
        return mask
    return interpolate(mask[None], size=(size[1], size[0]), mode="bilinear", antialias=True)[0]


def _resize_frame(frame: Tensor, target: Tensor, rows: list[Block], columns: list[Block]) -> None:
    """Write one frame, strip by strip: nothing of its size is allocated beside the target."""
    planes = frame[None] if frame.ndim == 2 else frame.permute(2, 0, 1)
    result = target[None] if target.ndim == 2 else target.permute(2, 0, 1)
    for row in rows:
        source = planes[:, row.first : row.last]
        if len(planes) == 4:
            source = premultiplied(source)
        strip = resample_columns(resample_rows(source, [row], row.first), columns)
        strip = straight(strip) if len(planes) == 4 else strip.clamp_(0.0, 1.0)
        result[:, row.start : row.stop] = strip


def premultiplied(planes: Tensor) -> Tensor:
    """[4, H, W] straight alpha to premultiplied, as a new tensor."""
    result = planes.clone(memory_format=torch.contiguous_format)
    result[:3] *= result[3:]
    return result


def straight(planes: Tensor) -> Tensor:
    """[4, H, W] premultiplied to straight alpha in place, clamped to 0..1; colour is black where alpha is 0.

    Beside a hard edge a kernel with lobes takes colour and alpha over 1 together: divided before they are
    clamped, the colour stays what it was.
    """
    planes[:3] /= planes[3:].clamp(min=_LEAST_ALPHA)
    return planes.clamp_(0.0, 1.0)
