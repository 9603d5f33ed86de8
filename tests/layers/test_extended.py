"""The pixels of an extended image, and the mask of what is added."""

from __future__ import annotations

import pytest
import torch
from multiedit.pipelines.layers.extended import extend_image, extend_mask
from multiedit.pipelines.layers.extension import Extension

CASE = Extension(10, 0, 100, 5, 40, 30)  # further than the image is wide


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("fill", ["mirror", "blur", "#00ff00"])
def test_the_image_keeps_its_pixels_and_is_not_written_to(fill: str, channels: int) -> None:
    image = torch.rand(2, 30, 40, channels)
    before = image.clone()
    made = extend_image(image, CASE, fill)
    assert made.shape == (2, 35, 150, channels)
    assert torch.equal(made[:, :30, 10:50], image)
    assert torch.equal(image, before)
    assert (made.min() >= 0) & (made.max() <= 1)


def test_a_mirror_repeats_the_image_at_its_sides() -> None:
    image = torch.rand(1, 30, 40, 3)
    made = extend_image(image, CASE, "mirror")
    assert torch.equal(made[:, :30, :10], image[:, :, :10].flip(2))
    assert torch.equal(made[:, 30:, 10:50], image[:, -5:].flip(1))
    assert torch.equal(made[:, :30, 50:90], image.flip(2))
    assert torch.equal(made[:, :30, 90:130], image)


def test_a_blur_begins_as_the_mirror_and_loses_its_detail() -> None:
    image = torch.rand(1, 400, 400, 3, generator=torch.Generator().manual_seed(1))
    extension = Extension(0, 0, 200, 0, 400, 400)
    blurred, mirrored = (extend_image(image, extension, fill) for fill in ("blur", "mirror"))
    assert (blurred[:, :, 400] - mirrored[:, :, 400]).abs().mean() < 0.05
    assert blurred[:, :, 500:].std() < 0.3 * mirrored[:, :, 500:].std()


def test_a_colour_is_opaque() -> None:
    made = extend_image(torch.zeros(1, 30, 40, 4), CASE, "#ff8000")
    assert torch.allclose(made[0, 34, 140], torch.tensor([1.0, 128 / 255, 0.0, 1.0]))


def test_the_mask_is_what_is_added_and_what_another_mask_selects() -> None:
    alone = extend_mask(None, CASE, frames=2)
    assert alone.shape == (2, 35, 150)
    assert not alone[:, :30, 10:50].any()
    assert alone.sum() == 2 * (35 * 150 - 30 * 40)
    mask = torch.zeros(1, 60, 80)
    mask[:, :, :40] = 1.0
    both = extend_mask(mask, CASE)
    assert both[0, :30, 10:29].min() == 1
    assert both[0, :30, 31:50].max() == 0
    assert torch.equal(both[:, 30:], alone[:1, 30:])


def test_a_soft_mask_fades_in_from_the_seam() -> None:
    row = extend_mask(None, CASE, soft=4)[0, 0]
    assert torch.allclose(row[50:56], torch.tensor([0.2, 0.4, 0.6, 0.8, 1.0, 1.0]))
    assert torch.allclose(row[4:10], torch.tensor([1.0, 1.0, 0.8, 0.6, 0.4, 0.2]))
