"""What a run leaves for the stage: its images in small, and the LAYERS that came in as one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..common.errors import InvalidImage
from ..common.lru_cache import LRUCache
from ..common.types import Size
from ..images.resample import resize, resize_mask
from ..layers.composite import composite
from ..layers.document import Document
from ..layers.placement import Box

PICTURE_SIDE = 1024
RUN_PREFIX = "run:"
_KEPT_BYTES = 64_000_000


@dataclass(frozen=True)
class SmallPicture:
    """Pixels for the stage.

    Attributes:
        pixels: uint8 [h, w, 3 or 4], sRGB, straight alpha, on the CPU, at most PICTURE_SIDE a side.
        size: (width, height) of the image that they are of.
    """

    pixels: Tensor
    size: Size


def small_size(size: Size) -> Size:
    """A size scaled down to at most PICTURE_SIDE a side."""
    factor = min(1.0, PICTURE_SIDE / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def small_image(image: Tensor, mask: Tensor | None) -> SmallPicture:
    """The first frame of an image [B, H, W, 3 or 4] with its layer mask [B, h, w] (1 = transparent)."""
    size = (image.shape[2], image.shape[1])
    small = resize(image[:1].float(), small_size(size))
    if mask is not None:
        alpha = 1.0 - resize_mask(mask[:1].float(), small_size(size))[..., None]
        own = small[..., 3:] if small.shape[3] == 4 else alpha
        small = torch.cat([small[..., :3], torch.minimum(own, alpha)], dim=3)
    return SmallPicture(_levels(small[0]), size)


def small_document(document: Document) -> SmallPicture:
    """The composite of a document's first frame."""
    size = (document.width, document.height)
    width, height = small_size(size)
    factor = width / document.width
    layers = (
        replace(
            layer,
            image=layer.image[:1],
            mask=None if layer.mask is None else layer.mask[:1],
            box=scaled_box(layer.box, factor),
        )
        for layer in document.layers
    )
    return SmallPicture(_levels(composite(Document(width, height, tuple(layers)))[0]), size)


def scaled_box(box: Box, factor: float) -> Box:
    """A box on a canvas that is scaled by a factor; each edge goes to the nearest pixel."""
    left, top = round(box.x * factor), round(box.y * factor)
    right, bottom = round((box.x + box.width) * factor), round((box.y + box.height) * factor)
    return Box(left, top, max(1, right - left), max(1, bottom - top))


def _levels(image: Tensor) -> Tensor:
    return (image.clamp(0, 1) * 255).round().to("cpu", torch.uint8)


class RunPictures:
    """Pictures of the last runs by name, the least recently used forgotten first."""

    def __init__(self) -> None:
        self._pictures: LRUCache[SmallPicture] = LRUCache(_KEPT_BYTES, lambda each: each.pixels.numel())

    def keep(self, pictures: Mapping[int, SmallPicture]) -> dict[str, str]:
        """Keep pictures by image number; their names, by the number as text."""
        names = {str(number): f"{RUN_PREFIX}{uuid.uuid4().hex}" for number in pictures}
        for number, picture in pictures.items():
            self._pictures.get(names[str(number)], lambda picture=picture: picture)  # type: ignore[misc]
        return names

    def find(self, name: str) -> SmallPicture:
        """A kept picture. Raises InvalidImage: it has been forgotten."""
        return self._pictures.get(name, _forgotten)


def _forgotten() -> SmallPicture:
    raise InvalidImage("The picture of that run is no longer kept. Run again to see it.")


RUN_PICTURES = RunPictures()
"""The one store of a server: nodes write it, the routes of the stage read it."""
