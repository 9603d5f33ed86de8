"""An edit that changes nothing gives image 1 back where it was: no zoom and no drift, whole or in part."""

from __future__ import annotations

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions, GenerationPlan
from multiedit.pipelines.adapters.comfyui.pixels import canvas_bounds, finished, fitted
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.images.resample import resize
from multiedit.tests.support.edit_graphs import Case, generation
from torch import Tensor
from torch.nn.functional import avg_pool2d

FAMILIES = {profile.family: profile for profile in reversed(list(load_profiles()))}
LIMIT = 0.25  # pixels
SIDE = 90  # of the parts that are compared
SIZES = [(293, 633), (640, 320), (501, 497)]


def texture(size: tuple[int, int], channels: int = 1) -> Tensor:
    """Smooth noise [1, H, W, channels], in which any shift can be seen."""
    width, height = size
    noise = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        noise = avg_pool2d(noise, 9, stride=1, padding=4)
    noise = (noise - noise.min()) / (noise.max() - noise.min())
    return noise[0, 0][None, ..., None].repeat(1, 1, 1, channels)


def shift(image: Tensor, moved: Tensor) -> float:
    """The distance in pixels by which a part [h, w] was moved, by least squares over its gradients."""
    gradients = torch.stack([g.flatten() for g in torch.gradient(image)], dim=1)
    solved = torch.linalg.lstsq(gradients.double(), (image - moved).flatten()[:, None].double())
    return float(solved.solution.norm())


def largest_shift(image: Tensor, moved: Tensor) -> float:
    """Of the corners, the edges and the middle of images [1, H, W, C]."""
    height, width = image.shape[1:3]
    return max(
        shift(image[0, y : y + SIDE, x : x + SIDE, 0], moved[0, y : y + SIDE, x : x + SIDE, 0])
        for y in (2, (height - SIDE) // 2, height - SIDE - 2)
        for x in (2, (width - SIDE) // 2, width - SIDE - 2)
    )


def edited_by_nothing(decided: GenerationPlan, image: Tensor) -> Tensor:
    """The result where the model gives back what it sees."""
    return resize(fitted(image, decided.base_fit), decided.size)


def test_a_shift_is_measured() -> None:
    image = texture((400, 400))
    assert shift(image[0, 100:260, 100:260, 0], image[0, 99:259, 100:260, 0]) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("keep_size", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_whole_image_stays_where_it_is(family: str, keep_size: bool) -> None:
    options = GenerationOptions(sampling_pixels=300_000 if keep_size else None)
    for size in SIZES if keep_size else SIZES[:1]:
        decided = generation(FAMILIES[family], Case((size,), None, options, {"keep_size": keep_size}))
        image = texture(size)
        moved = edited_by_nothing(decided, image)
        assert largest_shift(resize(image, decided.size), moved) < LIMIT, size


@pytest.mark.parametrize("crop", ["on", "off"])
@pytest.mark.parametrize("family", ["qwen-edit", "flux2"])
def test_what_is_pasted_back_inside_a_mask_stays_where_it_is(family: str, crop: str) -> None:
    size = (750, 565)
    image, mask = texture(size, 3), torch.zeros(1, size[1], size[0])
    mask[:, 350:550, 450:725] = 1.0
    bounds = canvas_bounds(mask, image, size)
    options = GenerationOptions(crop_and_stitch=crop, sampling_pixels=200_000)  # type: ignore[arg-type]
    decided = generation(FAMILIES[family], Case((size,), bounds, options, {"keep_size": True}))
    assert (decided.region is not None) is (crop == "on")
    seen = fitted(image, decided.base_fit)
    result = finished(seen, size, image, mask, decided.base_fit)
    assert torch.equal(result[:, :350], image[:, :350])
    inside = (slice(360, 540), slice(460, 715))
    assert shift(image[0][inside][..., 0], result[0][inside][..., 0]) < LIMIT
