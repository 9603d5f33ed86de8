"""How a model's output differs in colour from the base outside the mask: found and corrected, or left."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.color_match import measure_color, with_base_colors
from multiedit.tests.support.photographs import HEIGHT, WIDTH, photograph

KEEP = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
KEEP[120:260, 150:350] = False
FLAT = torch.full((HEIGHT, WIDTH, 3), 0.5)
LEVEL = 1 / 255


def shifted(gain: Any, offset: Any, noise: float = 0.0) -> torch.Tensor:
    """The photograph with other colours, and with another content inside the mask."""
    generator = torch.Generator().manual_seed(1)
    made = photograph() * torch.tensor(gain) + torch.tensor(offset)
    made = made + noise * (torch.rand(made.shape, generator=generator) - 0.5)
    return torch.where(KEEP[..., None], made, torch.rand(made.shape, generator=generator)).clamp(0, 1)


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize(
    ("gain", "offset"),
    [
        ((1.0, 0.9, 1.1), (0.0, 0.0, 0.0)),
        ((1.0, 1.0, 1.0), (0.03, -0.03, 0.01)),
        ((0.9, 0.95, 1.05), (0.02, 0.02, -0.02)),
        ((1.1, 1.1, 1.1), (-0.03, -0.03, -0.03)),
    ],
)
def test_a_gain_and_an_offset_of_each_channel_are_taken_back(gain: Any, offset: Any, noise: float) -> None:
    made = shifted(gain, offset, noise)
    color = measure_color(made, photograph(), KEEP)
    assert color is not None
    error = (with_base_colors(made, color) - photograph()).mean(dim=2)[KEEP]
    assert abs(float(error.mean())) < LEVEL


def test_the_difference_is_measured_in_words_of_levels() -> None:
    color = measure_color(shifted((1.0, 1.0, 1.0), (3 * LEVEL, -2 * LEVEL, 0.0)), photograph(), KEEP)
    assert color is not None
    assert [round(255 * value) for value in color.difference] == [3, -2, 0]
    assert color.gain == pytest.approx((1, 1, 1), abs=0.005)
    assert color.offset == pytest.approx((-3 * LEVEL, 2 * LEVEL, 0), abs=LEVEL / 4)


def test_what_the_model_changed_outside_the_mask_counts_for_nothing() -> None:
    made = shifted((1.0, 1.0, 1.0), (0.02, 0.02, 0.02))
    made[:, :100] = torch.rand(HEIGHT, 100, 3)
    color = measure_color(made, photograph(), KEEP)
    assert color is not None
    assert color.offset == pytest.approx((-0.02,) * 3, abs=LEVEL / 2)


def test_of_a_flat_picture_the_offset_is_known() -> None:
    color = measure_color(FLAT + 0.02, FLAT, KEEP)
    assert color is not None
    assert color.gain == (1, 1, 1)
    assert color.offset == pytest.approx((-0.02,) * 3, abs=1e-5)


@pytest.mark.parametrize(
    ("output", "base"),
    [
        (photograph(), photograph()),
        (shifted((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), 0.1), photograph()),
        (photograph(0.5, 0.5), photograph()),
        (shifted((1.0, 1.0, 1.0), (LEVEL / 2,) * 3), photograph()),
        (FLAT, FLAT),
    ],
    ids=["identity", "noise", "half a pixel", "half a level", "flat"],
)
def test_where_there_is_nothing_to_correct_no_pixel_changes(output: Any, base: Any) -> None:
    color = measure_color(output, base, KEEP)
    assert color is not None
    assert color.is_none
    assert torch.equal(with_base_colors(output, color), output.clamp(0, 1))


@pytest.mark.parametrize(
    "output",
    [
        torch.rand(HEIGHT, WIDTH, 3),
        photograph().flip(0),
        1 - photograph(),
        photograph() * 0.6,
        (photograph() + 0.2).clamp(0, 1),
        torch.full_like(FLAT, torch.nan),
    ],
    ids=["noise", "upside down", "negative", "far too dark", "far too bright", "NaN"],
)
def test_a_heavily_changed_picture_is_left(output: Any) -> None:
    assert measure_color(output, photograph(), KEEP) is None


def test_nothing_is_told_from_too_little_outside_the_mask() -> None:
    keep = torch.zeros_like(KEEP)
    keep[:48, :64] = True
    assert measure_color(photograph() + 0.02, photograph(), keep) is None
    tiny = slice(0, 15)
    assert measure_color(*(image[tiny] for image in (photograph() + 0.02, photograph(), KEEP))) is None


def test_alpha_is_no_colour() -> None:
    image = torch.cat((photograph() * 0.95, torch.rand(HEIGHT, WIDTH, 1)), dim=2)
    color = measure_color(image, photograph(), KEEP)
    assert color is not None
    assert torch.equal(with_base_colors(image, color)[..., 3], image[..., 3])
