"""Picture sources to tensors and a LAYERS document of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..common.settings import Limits
from ..common.threads import in_parallel
from ..images.input_image import ImageFile
from ..layers.stack import split_alpha, stack_images
from ..sources.source import ImageSource, SourceLoader


@dataclass(frozen=True)
class LoadedLayers:
    """Pictures that were loaded.

    Attributes:
        pictures: by number, colours [1, H, W, 3] and layer mask [1, h, w] (1 = transparent; 64x64 of zeros
            for a picture without alpha).
        layers: a LAYERS document, the picture of the lowest number as the base.
    """

    pictures: Mapping[int, tuple[Tensor, Tensor]]
    layers: dict[str, Any]


async def load_layers(
    sources: Mapping[int, ImageSource],
    loader: SourceLoader,
    limits: Limits,
    device: torch.device | str = "cpu",
) -> LoadedLayers:
    """Load, check and decode pictures; messages call them "image 2" by their number.

    Raises:
        InvalidImage, FetchError: of the picture with the lowest number, where several fail.
    """
    loaded = await loader.load_named({f"image {number}": source for number, source in sources.items()})
    pictures = [ImageFile(data, limits, name) for name, data in loaded.items()]
    images = list(in_parallel(lambda picture: picture.image().to(device), pictures))
    split = [split_alpha(image) for image in images]
    return LoadedLayers(dict(zip(sources, split, strict=True)), stack_images(images))
