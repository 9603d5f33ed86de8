"""Fill what a mask selects before a model sees it, so that what was there guides it less or not at all."""

from __future__ import annotations

import torch
from torch import Tensor

from ...images.resample import resize, resize_mask
from ...layers.masked import mask_bounds
from ...planning.mask_options import MaskFill
from .mask_shape import without_specks

# `green` is what adapters for FLUX.2 klein are trained to fill.
_COLORS: dict[MaskFill, tuple[float, float, float]] = {"neutral": (0.5, 0.5, 0.5), "green": (0.0, 1.0, 0.0)}
_BLURRED_TO = 8  # pixels of the mask's longer side


def prefilled(image: Tensor, mask: Tensor, fill: MaskFill) -> Tensor:
    """Fill an image where a mask selects it.

    Args:
        image: float32 [1, H, W, 3 or 4], 0..1, sRGB, straight alpha.
        mask: edit mask [1, h, w], 1 = change here, stretched over the image.
        fill: `keep` gives the image itself.

    Returns:
        A new tensor [1, H, W, 3 or 4]; a plain colour is opaque.
    """
    if fill == "keep":
        return image
    size = (image.shape[2], image.shape[1])
    change = resize_mask(without_specks(mask.to(image)), size).clamp(0.0, 1.0)
    if fill == "blur":
        filled = _blurred(image, change)
    else:
        filled = image.new_tensor((*_COLORS[fill], 1.0))[: image.shape[3]]
    return torch.lerp(image, filled.expand_as(image), change[..., None])


def _blurred(image: Tensor, change: Tensor) -> Tensor:
    """The image without anything finer than an eighth of the mask's box."""
    top, bottom, left, right = mask_bounds(change[0])
    factor = _BLURRED_TO / max(_BLURRED_TO, bottom - top, right - left)
    width, height = (max(1, round(side * factor)) for side in (image.shape[2], image.shape[1]))
    return resize(resize(image, (width, height)), (image.shape[2], image.shape[1]))
