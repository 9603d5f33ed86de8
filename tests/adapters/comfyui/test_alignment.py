"""How far a model's output lies from the base outside the mask: found to half a pixel, or left alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.alignment import LARGEST_SHIFT, Shift, measure_shift, moved_back
from multiedit.tests.support.photographs import HEIGHT, WIDTH, photograph
from torch.nn.functional import avg_pool2d, interpolate

KEEP = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
KEEP[120:260, 150:350] = False
FLAT = torch.full((HEIGHT, WIDTH, 3), 0.5)


def from_model(x: float = 0.0, y: float = 0.0) -> torch.Tensor:
    """The photograph moved, as a model may give it: soft, noisy, with other contrast, changed in the mask."""
    moved = photograph(x, y).permute(2, 0, 1)[None]
    soft = avg_pool2d(moved, 3, stride=1, padding=1, count_include_pad=False)[0].permute(1, 2, 0)
    noise = torch.rand(soft.shape, generator=torch.Generator().manual_seed(0)) - 0.5
    made = 0.03 + 0.92 * soft + 0.02 * noise
    return torch.where(KEEP[..., None], made, torch.rand(made.shape))


@pytest.mark.parametrize(
    ("x", "y"),
    [(0.5, 0), (0, -0.5), (-0.5, 0.5), (1.5, -2.5), (-3, 4), (1, 0), (7, -7), (-6.5, 2), (4.5, 4.5), (0, 0)],
)
def test_whole_and_half_pixels_are_found_exactly(x: float, y: float) -> None:
    assert measure_shift(from_model(x, y), photograph(), KEEP) == Shift(x, y)


@pytest.mark.parametrize(
    "shift", [Shift(0, 0.5), Shift(-0.5, 2.5), Shift(6, -3), Shift(-5.5, 0), Shift(0, 0)]
)
def test_what_is_moved_back_lies_on_the_base(shift: Shift) -> None:
    made = photograph(*shift)
    before, after = (
        float((image - photograph())[16:-16, 16:-16].abs().mean())
        for image in (made, moved_back(made, shift))
    )
    assert after <= 0.25 * before


def test_whole_pixels_are_moved_without_interpolation() -> None:
    image = torch.rand(20, 30, 4)
    moved = moved_back(image, Shift(3, -2))
    assert torch.equal(moved[2:, :-3], image[:-2, 3:])
    assert torch.equal(moved[2:, -3:], image[:-2, -1:].expand(18, 3, 4))
    assert torch.equal(moved_back(image, Shift(0, 0)), image)


def zoomed(factor: float) -> torch.Tensor:
    planes = photograph().permute(2, 0, 1)[None]
    larger = interpolate(planes, scale_factor=factor, mode="bicubic")[0].permute(1, 2, 0)
    top, left = (larger.shape[0] - HEIGHT) // 2, (larger.shape[1] - WIDTH) // 2
    return larger[top : top + HEIGHT, left : left + WIDTH]


@pytest.mark.parametrize(
    ("output", "base"),
    [
        (FLAT, FLAT),
        (FLAT + 0.1, FLAT),
        (photograph(), FLAT),
        (FLAT, photograph()),
        (torch.rand(HEIGHT, WIDTH, 3), photograph()),
        (photograph().flip(0), photograph()),
        (photograph().flip(1), photograph()),
        (zoomed(1.03), photograph()),
        (photograph(LARGEST_SHIFT + 4), photograph()),
        (torch.full_like(FLAT, torch.nan), photograph()),
    ],
    ids=["flat", "flat, brighter", "flat base", "flat output", "noise", "upside down", "mirrored", "zoomed",
         "too far", "NaN"],
)  # fmt: skip
def test_what_is_not_clearly_a_shift_is_left(output: Any, base: Any) -> None:
    assert measure_shift(output, base, KEEP) is None


@pytest.mark.parametrize("quarter", [0.25, -0.25])
def test_what_is_between_two_steps_is_not_made_worse(quarter: float) -> None:
    made, base = photograph(quarter), photograph()
    shift = measure_shift(made, base, KEEP)
    assert shift in (None, Shift(0, 0), Shift(2 * quarter, 0))
    back = made if shift is None else moved_back(made, shift)
    assert (back - base).abs().mean() <= (made - base).abs().mean()


def test_nothing_is_told_from_too_little_outside_the_mask() -> None:
    keep = torch.zeros_like(KEEP)
    keep[:100] = True
    keep[:, 160:] = False
    assert measure_shift(photograph(1), photograph(), keep) is None
    assert measure_shift(photograph(1)[:60, :60], photograph()[:60, :60], KEEP[:60, :60]) is None
