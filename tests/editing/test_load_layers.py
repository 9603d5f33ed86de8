"""Sources to tensors and a document of them: numbers, masks, errors by number."""

from __future__ import annotations

import asyncio
import base64
from io import BytesIO
from typing import Any

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidImage
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.load_layers import load_layers
from multiedit.pipelines.sources.source import BytesSource, ImageSource, SourceLoader, TextSource
from PIL import Image

LIMITS = Limits()


def png(mode: str, size: tuple[int, int] = (300, 260), colour: object = None) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


async def no_fetch(url: str, name: str) -> bytes:
    raise AssertionError(f"{name} was fetched from {url}")


def load(**sources: ImageSource) -> tuple[Any, Any]:
    numbered = {int(name[1:]): source for name, source in sources.items()}
    return asyncio.run(load_layers(numbered, SourceLoader(LIMITS, no_fetch), LIMITS))


def test_images_keep_their_numbers_and_the_first_is_the_base() -> None:
    text = base64.b64encode(png("RGBA", (400, 400), (255, 0, 0, 51))).decode()
    images, layers = load(_1=BytesSource(png("RGB")), _3=TextSource(text))
    assert list(images) == [1, 3]
    image, mask = images[3]
    assert image.shape == (1, 400, 400, 4)
    torch.testing.assert_close(mask, torch.full((1, 400, 400), 0.8))
    image, mask = images[1]
    assert image.shape == (1, 260, 300, 3)
    assert mask.shape == (1, 64, 64)
    assert layers["canvas"] == (300, 260)
    assert [layer["image"].shape[3] for layer in layers["layers"]] == [3, 4]


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"_1": BytesSource(png("RGB")), "_3": BytesSource(b"no picture")}, "image 3"),
        ({"_2": TextSource("###"), "_3": BytesSource(b"")}, "image 2"),
    ],
)
def test_errors_name_the_image_by_its_number(sources: dict[str, ImageSource], words: str) -> None:
    with pytest.raises(InvalidImage, match=words):
        load(**sources)
