"""Pictures: what is told of them without decoding, and how a mask is told from a photograph."""

from __future__ import annotations

import io

import pytest
import torch
from multiedit.pipelines.common.errors import ImageTooSmall
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.images.facts import ImageFacts
from multiedit.pipelines.images.input_image import ImageFile, ImageTensor
from PIL import Image, ImageDraw, ImageFilter

SIZE = (300, 260)


def _file(image: Image.Image, format: str = "png", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def _ellipse(mode: str = "L", blur: float = 0.0) -> Image.Image:
    image = Image.new("L", SIZE)
    ImageDraw.Draw(image).ellipse((60, 50, 220, 200), fill=255)
    return image.filter(ImageFilter.GaussianBlur(blur)).convert(mode)


def _grey_photograph() -> Image.Image:
    return Image.linear_gradient("L").resize(SIZE)


def _tinted() -> Image.Image:
    image = _ellipse("RGB")
    ImageDraw.Draw(image).rectangle((0, 0, 30, 30), fill=(250, 250, 230))
    return image


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (_file(_ellipse()), True),
        (_file(_ellipse("1")), True),
        (_file(_ellipse("RGB")), True),
        (_file(_ellipse("RGB"), "jpeg", quality=85), True),
        (_file(_ellipse(blur=3)), True),
        (_file(Image.new("L", SIZE, 255)), True),
        (_file(_ellipse(blur=60)), False),
        (_file(_grey_photograph()), False),
        (_file(_tinted()), False),
        (_file(Image.new("RGB", SIZE, (90, 90, 90))), False),
    ],
    ids=["grey", "1-bit", "rgb", "jpeg", "soft", "white", "very soft", "gradient", "tinted", "flat grey"],
)
def test_a_mask_is_told_by_its_pixels(file: bytes, expected: bool) -> None:
    assert ImageFile(file, Limits(), "image 2").facts(detect_mask=True).looks_like_mask is expected


def test_a_picture_with_transparency_is_no_mask() -> None:
    image = _ellipse("LA")
    image.paste((0, 0), (0, 0, 40, 40))
    assert not ImageFile(_file(image), Limits(), "image 2").facts(detect_mask=True).looks_like_mask


def test_facts_without_a_look_come_from_the_header() -> None:
    facts = ImageFile(_file(_ellipse()), Limits(), "image 2").facts(detect_mask=False)
    assert (facts.width, facts.height, facts.looks_like_mask) == (*SIZE, False)


def test_pixels_come_at_the_asked_size_in_the_agreed_layout() -> None:
    picture = ImageFile(_file(_ellipse("RGB")), Limits(), "image 1")
    assert picture.image().shape == (1, 260, 300, 3)
    assert picture.image((150, 130)).shape == (1, 130, 150, 3)
    mask = picture.mask((150, 130))
    assert mask.shape == (1, 130, 150)
    assert mask.dtype == torch.float32
    assert mask[0, 65, 70] == 1
    assert mask[0, 2, 2] == 0


def test_the_error_names_the_picture() -> None:
    with pytest.raises(ImageTooSmall, match="image 3"):
        ImageFile(_file(Image.new("L", (63, 2000))), RequestLimits(), "image 3")


def test_a_tensor_is_a_picture_that_is_neither_copied_nor_rounded() -> None:
    pixels = torch.rand(1, 20, 30, 4)
    picture = ImageTensor(pixels)
    assert (picture.size, picture.facts()) == ((30, 20), ImageFacts(30, 20))
    assert picture.image() is pixels
    assert picture.image((30, 20)) is pixels
    assert picture.image((15, 10)).shape == (1, 10, 15, 4)


def test_a_tensor_of_half_precision_is_taken_as_float32() -> None:
    assert ImageTensor(torch.rand(1, 4, 4, 3).half()).image().dtype == torch.float32


def test_a_mask_tensor_is_stretched_without_lobes() -> None:
    mask = torch.zeros(1, 8, 64)
    mask[..., :32] = 1.5
    picture = ImageTensor(mask)
    assert picture.facts() == ImageFacts(64, 8)
    assert picture.mask().max() == 1
    stretched = picture.mask((256, 16))
    assert stretched.shape == (1, 16, 256)
    assert not stretched[..., 132:].any()
    assert (stretched[..., :124] == 1).all()
