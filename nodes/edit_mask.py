"""Find the edit mask of a Multi-Edit: at its socket, or among the images by the command line's rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..pipelines.planning.request import Role
from ..pipelines.planning.roles import could_be_mask

if TYPE_CHECKING:
    from torch import Tensor

_EMPTY = (
    "mask is not used: it is the empty mask of an image without transparency, so the whole image may change. "
    "Paint a mask, or connect a black and white image as a further image."
)
_INFERRED = (
    "Image {0} is taken as mask: it is grey, nearly all of it is black or white, and it has image_1's size. "
    'With per_image {{"{0}": {{"role": "overlay"}}}} it is an overlay.'
)


@dataclass(frozen=True)
class MaskedImages:
    """The images of an edit and its mask.

    Attributes:
        images: [B, H, W, 3 or 4] by socket number, without the one that is the mask.
        mask: [B, h, w], 1 = change here, or None.
        given: the images as they came, with the one that is the mask.
        source: the number of the image that is the mask; None where it is of the socket `mask`.
        notes: for the person who wired it.
    """

    images: dict[int, Tensor]
    mask: Tensor | None
    given: Mapping[int, Tensor]
    source: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def judged(self) -> dict[str, Tensor]:
        """What safe mode judges of them, by the names of the sockets."""
        return {f"image_{number}": image for number, image in self.given.items()}


def find_mask(
    mask: object, images: Mapping[int, Tensor], roles: Mapping[int, Role], interprets_prompt: bool
) -> MaskedImages:
    """Take the mask of the socket, else the first further image that looks like one.

    Args:
        mask: of the socket; Load Image's empty one counts as none, and is noted.
        images: by socket number.
        roles: those that are given, by socket number; such an image is no mask.
        interprets_prompt: whether the model does; another composites.

    Raises:
        InvalidRequest: the mask is none (see `tensor_input`).
    """
    from ..pipelines.layers.stack import given_mask

    number_of_base = next(iter(images))
    notes: tuple[str, ...] = ()
    if mask is not None:
        change = given_mask(mask, "mask", images[number_of_base])
        if change is not None:
            return MaskedImages(dict(images), change, images)
        notes = (_EMPTY,)
    sizes = {number: (image.shape[2], image.shape[1]) for number, image in images.items()}
    for number, image in images.items():
        if number == number_of_base or number in roles:
            continue
        if could_be_mask(number, sizes, roles, interprets_prompt) and _looks_like_mask(image):
            others = {other: pixels for other, pixels in images.items() if other != number}
            return MaskedImages(others, image[..., 0], images, number, (_INFERRED.format(number),))
    return MaskedImages(dict(images), None, images, None, notes)


def _looks_like_mask(image: Tensor) -> bool:
    """Whether every frame does: a film that begins in black is none."""
    from ..pipelines.images.decode import Raster
    from ..pipelines.images.edit_mask import looks_like_mask

    return all(looks_like_mask(Raster(frame)) for frame in image)
