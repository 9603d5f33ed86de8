"""What a run leaves for the stage: small, with its transparency, and only for a while."""

from __future__ import annotations

import io

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidImage
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.stage_pictures import (
    RUN_PICTURES,
    RunPictures,
    SmallPicture,
    small_document,
    small_image,
)
from multiedit.pipelines.editing.stage_preview import StagePreview
from multiedit.pipelines.layers.document import parse_document
from PIL import Image


def test_an_image_is_small_and_has_its_masks_transparency() -> None:
    image, mask = torch.rand(2, 900, 1800, 3), torch.zeros(1, 9, 18)
    mask[..., :9] = 1
    small = small_image(image, mask)
    assert (small.size, small.pixels.shape, small.pixels.dtype) == ((1800, 900), (512, 1024, 4), torch.uint8)
    assert small.pixels[:, :400, 3].max() == 0
    assert small.pixels[:, 600:, 3].min() == 255
    assert small_image(image, None).pixels.shape == (512, 1024, 3)


def test_an_images_own_transparency_counts_once() -> None:
    image = torch.full((1, 8, 8, 4), 0.5)
    assert small_image(image, torch.full((1, 8, 8), 0.5)).pixels[..., 3].unique().tolist() == [128]


def test_a_document_becomes_one_picture() -> None:
    red, blue = (torch.tensor(colour).expand(1, 1000, 2000, 3) for colour in ([1.0, 0, 0], [0, 0, 1.0]))
    layers = [{"image": red}, {"image": blue, "x": 1000, "y": 0, "w": 1000, "h": 1000}]
    small = small_document(parse_document({"canvas": (2000, 1000), "layers": layers}, Limits()))
    assert (small.size, small.pixels.shape) == ((2000, 1000), (512, 1024, 3))
    assert small.pixels[0, 500].tolist() == [255, 0, 0]
    assert small.pixels[0, 530].tolist() == [0, 0, 255]


def test_a_kept_picture_is_served_by_its_name() -> None:
    picture = SmallPicture(torch.zeros(20, 30, 3, dtype=torch.uint8), (300, 200))
    name = RUN_PICTURES.keep({2: picture})["2"]
    data, size = StagePreview(lambda name: None, Limits()).picture(name, opaque=False)
    assert (size, Image.open(io.BytesIO(data)).size) == ((300, 200), (30, 20))


def test_old_pictures_are_forgotten() -> None:
    store = RunPictures()
    picture = SmallPicture(torch.zeros(1024, 1024, 4, dtype=torch.uint8), (1024, 1024))
    names = [store.keep({1: picture})["1"] for _ in range(20)]
    assert store.find(names[-1]) is picture
    with pytest.raises(InvalidImage, match="Run again"):
        store.find(names[0])
