"""Image sources to tensors and a LAYERS document of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..common.settings import Limits
from ..common.threads import in_parallel
from ..images.input_image import ImageFile
from ..layers.stack import layer_mask, stack_images
from ..sources.source import ImageSource, SourceLoader


async def load_layers(
    sources: Mapping[int, ImageSource],
    loader: SourceLoader,
    limits: Limits,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[dict[int, tuple[Tensor, Tensor]], dict[str, Any]]:
    """Load, check and decode images to a device and float type; messages call them "image 2" by their number.

    Returns:
        By number the image [1, H, W, 3 or 4] and its layer mask [1, h, w] (1 = transparent; 64x64 of zeros
        for an image without alpha), and a LAYERS document, the image of the lowest number as the base.

    Raises:
        InvalidImage, FetchError: of the image with the lowest number, where several fail.
    """
    loaded = await loader.load_named({f"image {number}": source for number, source in sources.items()})
    files = [ImageFile(data, limits, name) for name, data in loaded.items()]
    # In a thread, so that whoever awaits this can stop waiting.
    images = await asyncio.to_thread(lambda: list(in_parallel(lambda file: file.image().to(device), files)))
    parts = ((image.to(dtype), layer_mask(image).to(dtype)) for image in images)
    return dict(zip(sources, parts, strict=True)), stack_images([image.to(dtype) for image in images])
