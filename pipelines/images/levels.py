"""Resize 8-bit levels, and convert them to float tensors."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, threshold

from .color import levels_of

MASK_EDGE = 1 / 256
"""A mask value closer than this to 0 or 1 is 0 or 1; the 8-bit levels 1 and 254 are not.

ComfyUI reads the white of a grey PNG as 0.99611, and mixed in linear light what is missing shows.
"""

FAINTEST = 4.5 / 255
"""An edit mask's value below this is 0 for a model that is sampled: up to four of 255 levels are noise, which
JPEG leaves in a black mask. What composites, and what a provider is sent, takes them as they are.
"""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_STRIP_VALUES = 1 << 18
_WHITE = np.float32(255)
# torch resamples 8-bit levels with Lanczos since 2.13, ten times as fast as Pillow, within two levels.
_TORCH_HAS_LANCZOS = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 13)


def resize_levels(levels: Tensor, size: tuple[int, int]) -> Tensor:
    """Lanczos with antialiasing in 8 bits, uint8 [H, W, C] to (width, height), C without alpha."""
    width, height = size
    if levels.shape[:2] == (height, width):
        return levels
    if not _TORCH_HAS_LANCZOS:
        return _resize_with_pillow(levels, size)
    planes = levels[None].permute(0, 3, 1, 2)
    resized = interpolate(planes, size=(height, width), mode="lanczos", antialias=True)
    return resized.permute(0, 2, 3, 1)[0]


def _resize_with_pillow(levels: Tensor, size: tuple[int, int]) -> Tensor:
    pixels = levels.numpy()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return torch.from_numpy(levels_of(image.resize(size, Image.Resampling.LANCZOS)))


def luma(image: Tensor) -> Tensor:
    """The luma (Rec. 601, as Pillow's L) of floats [..., 3 or 4], without the last dimension."""
    return image[..., :3] @ image.new_tensor(_LUMA)


def empty_float(*shape: int) -> Tensor:
    """An uninitialised float32 tensor in NumPy's memory, whose large blocks ask for huge pages.

    First use of a torch allocation of this size costs more in page faults than the arithmetic.
    """
    return torch.from_numpy(np.empty(shape, np.float32))


def inverted_mask(mask: Tensor, target: Tensor) -> None:
    """Write 1 - mask into `target` of the same shape, with 0 and 1 where the mask is within `MASK_EDGE`."""
    torch.sub(1.0, threshold(mask, MASK_EDGE, 0.0), out=target)
    threshold(target, MASK_EDGE, 0.0, inplace=True)


def to_float(levels: Tensor, target: Tensor) -> None:
    """Write uint8 levels [H, W, C] into float32 `target` [H, W, C or any where C is 1] as level / 255.

    One thread, in strips: so short a pass waits longer for a second thread on a busy machine than it gains.
    """
    source, result = levels.numpy(), target.numpy()
    rows = max(1, _STRIP_VALUES // result[0].size)
    for top in range(0, len(source), rows):
        np.divide(source[top : top + rows], _WHITE, out=result[top : top + rows])
