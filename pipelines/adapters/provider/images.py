"""The images of an edit for a provider and back: what is sent, and what is made of the response.

Images are sent as pixels in a new file, so that neither a photograph's place nor a workflow goes with
them. Overlays are laid onto the base first, and with a mask the base is cut to the result's shape, as
layer-composite does both, so that what comes back lies over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from ...common.errors import FileTooLarge
from ...common.settings import Limits, RequestLimits
from ...images.encode import EncodeOptions, encode
from ...images.input_image import ImageTensor, PixelSource
from ...images.levels import MASK_EDGE
from ...layers.placement import Placement
from ...planning.plan import EditPlan
from ...planning.provider import sent_images, sent_size
from ...planning.request import Role
from ..composite import CompositeAdapter

# The first that is small enough is taken, and the last if it is within the contract.
_FILES: tuple[EncodeOptions, ...] = (
    EncodeOptions("png"),
    EncodeOptions("jpeg", quality=95),
    EncodeOptions("webp", quality=95),
    EncodeOptions("webp", quality=80),
)
ENOUGH_BYTES = 10_000_000
_ON_CANVAS = Placement(fit="cover")


class UploadFile(NamedTuple):
    """A file to be sent, named for the form."""

    name: str
    media_type: str
    data: bytes


class ProviderImages:
    """The images of one plan.

    Args:
        images: the request's, in the plan's order of roles.
    """

    def __init__(self, plan: EditPlan, images: Sequence[PixelSource], limits: Limits) -> None:
        self._plan = plan
        self._images = images
        self._compositor = CompositeAdapter(limits)
        self._masked = "mask" in plan.roles

    def files(self) -> list[UploadFile]:
        """Return what is sent, the base first.

        Raises:
            FileTooLarge: an image is too large in every format.
        """
        return [_file(number, self._image(number)) for number in sent_images(self._plan.roles)]

    def kept_base(self) -> Tensor | None:
        """The base on the canvas, where a mask selects nothing and there is nothing to be made; else None."""
        if not self._masked or bool((self._mask.mask() >= MASK_EDGE).any()):
            return None
        return self._composited((self._images[0],))

    def result(self, response: PixelSource) -> Tensor:
        """The edited image [1, H, W, 3 or 4]: the endpoint's own size, unless the plan has to keep one.

        Where there is a mask every pixel outside it is the base's own.
        """
        if self._masked:
            return self._composited((self._images[0], response, self._mask), _ON_CANVAS)
        if self._plan.keep_size and response.size != (self._plan.width, self._plan.height):
            return self._composited((response,))
        return response.image()

    @property
    def _mask(self) -> PixelSource:
        return self._images[self._plan.roles.index("mask")]

    def _image(self, number: int) -> Tensor:
        if self._plan.roles[number - 1] == "mask":
            grey = self._images[number - 1].mask(self._images[0].size)
            return self._composited((ImageTensor(grey[..., None].expand(-1, -1, -1, 3)),))
        if number == 1 and (self._masked or self._plan.placements):
            overlays = [self._images[number - 1] for number in self._plan.placements]
            return self._composited((self._images[0], *overlays), *self._plan.placements.values())
        image = self._images[number - 1]
        return image.image(sent_size(image.size))

    def _composited(self, images: Sequence[PixelSource], *placements: Placement) -> Tensor:
        """Images on the plan's canvas: a base, an overlay for each placement, and a mask if one is left."""
        overlays: list[Role] = ["overlay"] * len(placements)
        roles: tuple[Role, ...] = ("base", *overlays, "mask")
        placed = dict(enumerate(placements, start=2))
        plan = replace(self._plan, roles=roles[: len(images)], placements=placed)
        return self._compositor.run(plan, images, lambda share: None).image


def _file(number: int, image: Tensor) -> UploadFile:
    size = (image.shape[2], image.shape[1])
    if (to := sent_size(size)) != size:
        image = ImageTensor(image).image(to)
    opaque = image.shape[3] == 3
    for options in _FILES if opaque else [each for each in _FILES if each.format != "jpeg"]:
        file = encode(image[0], options)
        if len(file.data) <= ENOUGH_BYTES:
            break
    if len(file.data) >= RequestLimits.max_file_bytes:
        raise FileTooLarge(
            f"image {number} has {len(file.data)} bytes in the smallest format; the endpoint takes less than "
            f"{RequestLimits.max_file_bytes}. Scale it down and send it again.",
            field="images",
        )
    return UploadFile(f"image-{number}.{options.format}", file.media_type, file.data)
