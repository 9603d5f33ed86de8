"""The images of a plan that extends image 1, as an adapter of this process reads them."""

from __future__ import annotations

from collections.abc import Sequence

from ..images.input_image import ImageTensor, PixelSource
from ..planning.plan import EditPlan
from ..planning.provider import PROVIDER

_SOFT_EDGE = 1 / 256  # of the result's side: what a provider made fades in over so much at the seam


def extended_images(plan: EditPlan, images: Sequence[PixelSource]) -> Sequence[PixelSource]:
    """Extend the base and the mask; without a mask add that of the extension where the plan has one."""
    extension = plan.extension
    if extension is None:
        return images
    from ..layers.extended import extend_image, extend_mask

    own = [ImageTensor(extend_image(images[0].image(), extension, extension.fill)), *images[1:]]
    if "mask" in plan.roles:
        place = plan.roles.index("mask")
        size = (extension.width, extension.height)
        mask = images[place].mask(size) if place < len(images) else None
        soft = round(_SOFT_EDGE * (plan.width * plan.height) ** 0.5) if plan.adapter == PROVIDER else 0
        own[place : place + 1] = [ImageTensor(extend_mask(mask, extension, soft=soft))]
    return own
