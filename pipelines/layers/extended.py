"""The pixels of an extended image, and the edit mask of what is added."""

from __future__ import annotations

import torch
from torch import Tensor

from ..images.resample import resize, resize_mask
from .document_file import read_colour
from .extension import Extension

_BLURRED_SIDE = 24  # pixels of the longer side of what `blur` is scaled up from
_DISSOLVE = 1 / 16  # of the image's side: how far from the seam the mirror image has become a blur


def extend_image(image: Tensor, extension: Extension, fill: str) -> Tensor:
    """Extend images.

    Args:
        image: float32 [B, H, W, 3 or 4], 0..1, sRGB, straight alpha, of the extension's own width and height.
        fill: `mirror` (image 1, mirrored at its sides as often as needed), `blur` (the same, dissolving into
            a blur), or a colour `#rrggbb`.

    Returns:
        A new tensor [B, H', W', C] in which the image keeps its pixels, bit for bit.
    """
    width, height = extension.size
    result = image.new_empty(len(image), height, width, image.shape[3])
    if fill.startswith("#"):
        result[..., :3] = image.new_tensor(read_colour(fill, "fill"))
        result[..., 3:] = 1.0
    else:
        rows = _mirrored(extension.top, extension.height, extension.bottom, image.device)
        columns = _mirrored(extension.left, extension.width, extension.right, image.device)
        for frame, target in zip(image, result, strict=True):
            target.copy_(frame.index_select(1, columns).index_select(0, rows))
            if fill == "blur":
                reach = max(8.0, _DISSOLVE * (width * height) ** 0.5)
                share = (_distance(extension, image.device) / reach).clamp_(max=1.0)
                target.lerp_(_blurred(target), share[..., None])
    rows_of_own, columns_of_own = _own(extension)
    result[:, rows_of_own, columns_of_own] = image
    return result


def extend_mask(mask: Tensor | None, extension: Extension, frames: int = 1, soft: int = 0) -> Tensor:
    """Return the edit mask of an extended image, 1 = change here: what is added, and what a mask selects.

    Args:
        mask: edit mask [B, h, w] of any size, stretched over the image; None selects none of it.
        frames: of the result where there is no mask.
        soft: pixels over which what is added goes from 0 at the seam to 1.
    """
    device = None if mask is None else mask.device
    added = _distance(extension, device).div_(soft + 1).clamp_(max=1.0)
    result = added.repeat(frames if mask is None else len(mask), 1, 1)
    if mask is not None:
        rows, columns = _own(extension)
        own = resize_mask(mask.float(), (extension.width, extension.height))
        result[:, rows, columns] = own.clamp(0.0, 1.0)
    return result


def _own(extension: Extension) -> tuple[slice, slice]:
    """Where the image lies, as (rows, columns)."""
    return (
        slice(extension.top, extension.top + extension.height),
        slice(extension.left, extension.left + extension.width),
    )


def _mirrored(before: int, length: int, after: int, device: torch.device) -> Tensor:
    """Indices into an axis of `length` that go beyond its ends by mirroring, the end pixels twice."""
    steps = torch.arange(-before, length + after, device=device) % (2 * length)
    return torch.minimum(steps, 2 * length - 1 - steps)


def _distance(extension: Extension, device: torch.device | None) -> Tensor:
    """[H', W']: how many pixels it is to the image, along the longer axis; 0 in it."""

    def along(before: int, length: int, after: int) -> Tensor:
        steps = torch.arange(before + length + after, device=device, dtype=torch.float32)
        return torch.maximum(before - steps, steps - (before + length - 1)).clamp_(min=0.0)

    rows = along(extension.top, extension.height, extension.bottom)
    columns = along(extension.left, extension.width, extension.right)
    return torch.maximum(rows[:, None], columns[None, :])


def _blurred(frame: Tensor) -> Tensor:
    """A frame [H, W, C], so blurred that only its light and colours are left."""
    height, width = frame.shape[:2]
    factor = _BLURRED_SIDE / max(height, width)
    small = resize(frame[None], (max(1, round(width * factor)), max(1, round(height * factor))))
    return resize(small, (width, height))[0]
