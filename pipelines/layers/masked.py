"""An edit inside a mask: where the mask is 0 the base keeps its own pixels, bit for bit."""

from __future__ import annotations

import torch
from torch import Tensor

from .light import to_encoded, to_linear

_STRIP_PIXELS = 2**17


def keep_outside(base: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
    """Take `edited` where the mask is 1, `base` where it is 0, and mix in linear light between.

    Args:
        base, edited: float32 [H, W, 3 or 4], 0..1, sRGB, straight alpha.
        mask: edit mask, float32 [H, W], 1 = change here, 0 = keep.

    Returns:
        A new tensor [H, W, 4] where either picture has alpha, else [H, W, 3].
    """
    channels = max(base.shape[2], edited.shape[2])
    result = _with_channels(base, channels).clone(memory_format=torch.contiguous_format)
    rows = torch.nonzero(mask.amax(dim=1) > 0).flatten().tolist()
    if not rows:
        return result
    step = max(1, _STRIP_PIXELS // mask.shape[1])
    for top in range(rows[0], rows[-1] + 1, step):
        strip = slice(top, min(top + step, rows[-1] + 1))
        share = mask[strip, :, None]
        change = _with_channels(edited[strip], channels)
        mixed = _mix(result[strip], change, share)
        mixed = torch.where(share >= 1, change, mixed)
        result[strip] = torch.where(share <= 0, result[strip], mixed)
    return result


def _with_channels(image: Tensor, channels: int) -> Tensor:
    if image.shape[2] == channels:
        return image
    return torch.cat((image, torch.ones_like(image[..., :1])), dim=2)


def _mix(base: Tensor, edited: Tensor, share: Tensor) -> Tensor:
    colour, change = to_linear(base[..., :3]), to_linear(edited[..., :3])
    if base.shape[2] == 3:
        return to_encoded(torch.lerp(colour, change, share))
    alpha = torch.lerp(base[..., 3:], edited[..., 3:], share)
    premultiplied = torch.lerp(colour * base[..., 3:], change * edited[..., 3:], share)
    return torch.cat((to_encoded(premultiplied / alpha.clamp(min=1e-6)), alpha), dim=2)
