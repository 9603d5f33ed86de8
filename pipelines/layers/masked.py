"""Keep an edit inside a mask: where the mask is 0 the base keeps its own pixels, bit for bit.

Values of a mask within `MASK_EDGE` of 0 or 1 are 0 or 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..common.threads import in_parallel
from ..images.levels import MASK_EDGE, empty_float
from .light import to_encoded, to_linear
from .placement import CanvasWindow

_STRIP_PIXELS = 2**17
_HALF_LEVEL = 0.5 / 255
_COMPARED_ROWS = 256  # at once


def keep_outside(base: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
    """Take `edited` where the mask is 1, `base` where it is 0, and mix in linear light between.

    Args:
        base, edited: float32 [H, W, 3 or 4], 0..1, sRGB, straight alpha.
        mask: edit mask, float32 [H, W], 1 = change here, 0 = keep.

    Returns:
        A new tensor [H, W, 4] where either image has alpha, else [H, W, 3].
    """
    height, width = mask.shape
    shape = (height, width, max(base.shape[2], edited.shape[2]))
    result = empty_float(*shape) if base.device.type == "cpu" else base.new_empty(shape)
    top, bottom, left, right = mask_bounds(mask)
    columns = slice(left, right)

    def fill(rows: slice) -> None:
        _copy(result[rows], base[rows])
        rows = slice(max(rows.start, top), min(rows.stop, bottom))
        if rows.start < rows.stop:
            change = with_channels(edited[rows, columns], shape[2])
            _change(result[rows, columns], change, mask[rows, columns])

    step = max(1, _STRIP_PIXELS // width)
    for _ in in_parallel(fill, [slice(row, min(row + step, height)) for row in range(0, height, step)]):
        pass
    return result


def mask_bounds(mask: Tensor) -> CanvasWindow:
    """Return the window that an edit mask [H, W] changes; zeros where it changes nothing."""
    rows = torch.nonzero(mask.amax(dim=1) >= MASK_EDGE).flatten()
    columns = torch.nonzero(mask.amax(dim=0) >= MASK_EDGE).flatten()
    if len(rows) == 0:
        return CanvasWindow(0, 0, 0, 0)
    return CanvasWindow(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def same_pixels(base: Tensor, edited: Tensor) -> bool:
    """Return whether two images [H, W, 3 or 4] are the same in 8 bits; nearly free where they are not."""
    height, channels = len(base), max(base.shape[2], edited.shape[2])
    strips = [slice(row, row + _COMPARED_ROWS) for row in range(0, height, _COMPARED_ROWS)]
    for rows in (slice(0, height, height // _COMPARED_ROWS + 1), *strips):  # first some from everywhere
        low, high = torch.aminmax(with_channels(edited[rows], channels) - with_channels(base[rows], channels))
        if max(-float(low), float(high)) >= _HALF_LEVEL:
            return False
    return True


def _copy(target: Tensor, image: Tensor) -> None:
    """Copy an image; where only the target has alpha it is opaque."""
    target[..., : image.shape[2]] = image
    target[..., image.shape[2] :].fill_(1.0)


def with_channels(image: Tensor, channels: int) -> Tensor:
    """Return an image [..., 3 or 4] with 3 or 4 `channels`: itself, or with an opaque alpha."""
    if image.shape[-1] == channels:
        return image
    return torch.cat((image, torch.ones_like(image[..., :1])), dim=-1)


def _change(result: Tensor, edited: Tensor, mask: Tensor) -> None:
    """Write the edit into a strip of the result, which holds the base."""
    inside = mask > 1 - MASK_EDGE
    edge = (mask >= MASK_EDGE) & ~inside
    mixed = _mix(result[edge], edited[edge], mask[edge][:, None])
    torch.where(inside[..., None], edited, result, out=result)
    result[edge] = mixed


def _mix(base: Tensor, edited: Tensor, share: Tensor) -> Tensor:
    """Mix pixels [N, 3 or 4] by a share [N, 1]."""
    colour, change = to_linear(base[:, :3]), to_linear(edited[:, :3])
    if base.shape[1] == 3:
        return to_encoded(torch.lerp(colour, change, share))
    alpha = torch.lerp(base[:, 3:], edited[:, 3:], share)
    premultiplied = torch.lerp(colour * base[:, 3:], change * edited[:, 3:], share)
    mixed = torch.where(alpha > 0, to_encoded(premultiplied / alpha.clamp(min=1e-6)), base[:, :3])
    return torch.cat((mixed, alpha), dim=1)
