"""The images of a plan that extends image 1, as an adapter of this process reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..common.types import Size
from ..images.input_image import ImageTensor, PixelSource
from ..planning.plan import EditPlan
from ..planning.provider import PROVIDER

if TYPE_CHECKING:
    from torch import Tensor

    from ..layers.extension import Extension

_SOFT_EDGE = 1 / 256  # of the result's side: what a provider made fades in over so much at the seam


class _Extended:
    """An extended image or mask, made of its source when it is first read; None for none."""

    def __init__(self, source: PixelSource | None, extension: Extension, make: Callable[[], Tensor]) -> None:
        self.size: Size = extension.size
        self._source = source
        self._make = make
        self._made: ImageTensor | None = None

    def image(self, size: Size | None = None) -> Tensor:
        return self._image().image(size)

    def mask(self, size: Size | None = None) -> Tensor:
        return self._image().mask(size)

    def forget_pixels(self) -> None:
        self._made = None
        if self._source is not None:
            self._source.forget_pixels()

    def _image(self) -> ImageTensor:
        if self._made is None:
            self._made = ImageTensor(self._make())
        return self._made


def extended_images(plan: EditPlan, images: Sequence[PixelSource]) -> Sequence[PixelSource]:
    """Extend the base and the mask; without a mask add that of the extension where the plan has one."""
    extension = plan.extension
    if extension is None:
        return images
    base = images[0]
    own = [_Extended(base, extension, partial(_extended_base, base, extension)), *images[1:]]
    if "mask" in plan.roles:
        place = plan.roles.index("mask")
        mask = images[place] if place < len(images) else None
        soft = round(_SOFT_EDGE * (plan.width * plan.height) ** 0.5) if plan.adapter == PROVIDER else 0
        own[place : place + 1] = [_Extended(mask, extension, partial(_extended_mask, mask, extension, soft))]
    return own


def _extended_base(base: PixelSource, extension: Extension) -> Tensor:
    from ..layers.extended import extend_image

    return extend_image(base.image(), extension, extension.fill)


def _extended_mask(mask: PixelSource | None, extension: Extension, soft: int) -> Tensor:
    from ..layers.extended import extend_mask

    own = None if mask is None else mask.mask((extension.width, extension.height))
    return extend_mask(own, extension, soft=soft)
