"""Blend modes: values worked by hand from the formulas, and ComfyUI's own where it is installed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from multiedit.pipelines.layers.blend import BLENDS, OVERSHOOTING
from multiedit.pipelines.layers.modes import BLEND_MODES
from torch import Tensor

THIRD = 1 / 3

# (backdrop, layer) of each column of the table below.
PAIRS = [
    (0, 0), (0, 1), (1, 0), (1, 1), (0.25, 0.5), (0.75, 0.5), (0.5, 0.25), (0.5, 0.75), (0.25, 0.75),
    (0.75, 0.25),
]  # fmt: skip
CHANNEL_GOLDENS = {
    "normal": [0, 1, 0, 1, 0.5, 0.5, 0.25, 0.75, 0.75, 0.25],
    "multiply": [0, 0, 0, 1, 0.125, 0.375, 0.125, 0.375, 0.1875, 0.1875],
    "screen": [0, 1, 1, 1, 0.625, 0.875, 0.625, 0.875, 0.8125, 0.8125],
    "overlay": [0, 0, 1, 1, 0.25, 0.75, 0.25, 0.75, 0.375, 0.625],
    "darken": [0, 0, 0, 1, 0.25, 0.5, 0.25, 0.5, 0.25, 0.25],
    "lighten": [0, 1, 1, 1, 0.5, 0.75, 0.5, 0.75, 0.75, 0.75],
    "color-dodge": [0, 0, 1, 1, 0.5, 1, 2 * THIRD, 1, 1, 1],
    "color-burn": [0, 0, 1, 1, 0, 0.5, 0, THIRD, 0, 0],
    "hard-light": [0, 1, 0, 1, 0.25, 0.75, 0.25, 0.75, 0.625, 0.375],
    "soft-light": [0, 0, 1, 1, 0.25, 0.75, 0.375, 0.625, 0.34375, 0.65625],
    "difference": [0, 1, 1, 0, 0.25, 0.25, 0.25, 0.25, 0.5, 0.5],
    "exclusion": [0, 1, 1, 0, 0.5, 0.5, 0.5, 0.5, 0.625, 0.625],
    "linear-dodge": [0, 1, 1, 2, 0.75, 1.25, 0.75, 1.25, 1, 1],
    "linear-burn": [-1, 0, 0, 1, -0.25, 0.25, -0.25, 0.25, 0, 0],
    "vivid-light": [0, 0, 1, 1, 0.25, 0.75, 0, 1, 0.5, 0.5],
    "pin-light": [0, 1, 0, 1, 0.25, 0.75, 0.5, 0.5, 0.5, 0.5],
    "linear-light": [-1, 1, 0, 2, 0.25, 0.75, 0, 1, 0.75, 0.25],
    "hard-mix": [0, 1, 1, 1, 0, 1, 0, 1, 1, 1],
    "subtract": [0, 0, 1, 0, 0, 0.25, 0.25, 0, 0, 0.5],
    "divide": [0, 0, 1, 1, 0.5, 1, 1, 2 * THIRD, THIRD, 1],
    "grain-extract": [0.5, -0.5, 1.5, 0.5, 0.25, 0.75, 0.75, 0.25, 0, 1],
    "grain-merge": [-0.5, 0.5, 0.5, 1.5, 0.25, 0.75, 0.25, 0.75, 0.5, 0.5],
}

BLACK, GREY, WHITE = (0, 0, 0), (0.5, 0.5, 0.5), (1, 1, 1)
BLUISH, LIGHT_BLUISH, ORANGE = (0.2, 0.4, 0.6), (0.4, 0.6, 0.8), (1, 0.5, 0)
RED_LUMINANCE, GREEN_LUMINANCE, BLUE_LUMINANCE = 0.2224884, 0.71690369, 0.06060791
BLUISH_LUMINANCE = 0.2 * RED_LUMINANCE + 0.4 * GREEN_LUMINANCE + 0.6 * BLUE_LUMINANCE

# (backdrop, layer, result)
COLOUR_GOLDENS = {
    "hue": [
        (BLUISH, ORANGE, (0.6, 0.4, 0.2)),
        (BLUISH, GREY, BLUISH),
        (GREY, ORANGE, GREY),
        (BLACK, ORANGE, BLACK),
        (WHITE, ORANGE, WHITE),
    ],
    "saturation": [
        (BLUISH, (1, 0.5, 0.5), (0.3, 0.45, 0.6)),
        (BLUISH, ORANGE, (0, 0.3, 0.6)),
        (BLUISH, GREY, (0.6, 0.6, 0.6)),
        (BLUISH, BLACK, (0.6, 0.6, 0.6)),
        (GREY, ORANGE, GREY),
        (BLACK, ORANGE, BLACK),
    ],
    "color": [
        (BLUISH, ORANGE, (0.8, 0.4, 0)),
        (BLUISH, (1, 0.8, 0.6), (0.8, 0.4, 0)),
        (LIGHT_BLUISH, ORANGE, (1, 0.6, 0.2)),
        (LIGHT_BLUISH, (1, 0.8, 0.6), (1, 0.6, 0.2)),
        (BLUISH, BLACK, (0.4, 0.4, 0.4)),
        (BLUISH, WHITE, (0.4, 0.4, 0.4)),
        (BLACK, ORANGE, BLACK),
    ],
    "luminosity": [
        (GREY, (1, 0, 0), (RED_LUMINANCE,) * 3),
        (WHITE, (0, 0, 1), (BLUE_LUMINANCE,) * 3),
        (BLACK, (0, 1, 0), (GREEN_LUMINANCE,) * 3),
        (BLUISH, GREY, tuple(0.5 / BLUISH_LUMINANCE * value for value in BLUISH)),
        ((1, 0, 0), WHITE, (1 / RED_LUMINANCE, 0, 0)),
        (GREY, BLACK, BLACK),
    ],
}


def planes(colours: list[tuple[float, ...]]) -> Tensor:
    """Colours as a picture of one row, [3, 1, W]."""
    return torch.tensor(colours, dtype=torch.float32).T[:, None]


def all_edges() -> tuple[Tensor, Tensor]:
    """Backdrop and layer with every pair of colours made of these levels."""
    levels = (0.0, 1e-7, 1e-6, 2e-6, 0.04045, 0.4999999, 0.5, 0.5000001, 1 - 1e-6, 1.0)
    triples = list(itertools.product(levels, (0.0, 0.3, 0.5, 1.0), (0.0, 0.5, 1.0)))
    backdrop, layer = zip(*itertools.product(triples, triples), strict=True)
    return planes(list(backdrop)), planes(list(layer))


def test_every_mode_has_a_function_and_hand_worked_values() -> None:
    assert set(BLENDS) == set(BLEND_MODES) == {*CHANNEL_GOLDENS, *COLOUR_GOLDENS}
    assert len(BLEND_MODES) == 26
    assert set(BLEND_MODES) >= OVERSHOOTING


@pytest.mark.parametrize("mode", CHANNEL_GOLDENS)
def test_channel_modes_give_the_hand_worked_values(mode: str) -> None:
    # A column's value stands in all three channels, so it also does not matter what is beside it.
    pairs = torch.tensor(PAIRS, dtype=torch.float32)
    backdrop, layer = (pairs[:, side].expand(3, 1, -1).clone() for side in (0, 1))
    expected = torch.tensor(CHANNEL_GOLDENS[mode], dtype=torch.float32).expand(3, 1, -1)
    torch.testing.assert_close(BLENDS[mode](backdrop, layer), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("mode", "backdrop", "layer", "expected"),
    [(mode, *golden) for mode, goldens in COLOUR_GOLDENS.items() for golden in goldens],
)
def test_colour_modes_give_the_hand_worked_values(
    mode: str, backdrop: tuple[float, ...], layer: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    result = BLENDS[mode](planes([backdrop]), planes([layer]))
    torch.testing.assert_close(result.expand(3, 1, 1), planes([expected]), atol=2e-6, rtol=0)


@pytest.mark.parametrize("mode", BLENDS)
def test_results_are_finite_and_inputs_are_left_alone(mode: str) -> None:
    backdrop, layer = all_edges()
    kept = backdrop.clone(), layer.clone()
    result = BLENDS[mode](backdrop, layer)
    assert result.isfinite().all()
    assert torch.equal(backdrop, kept[0])
    assert torch.equal(layer, kept[1])


@pytest.mark.parametrize("mode", [mode for mode in BLENDS if mode not in OVERSHOOTING])
def test_modes_that_are_not_called_overshooting_stay_in_range(mode: str) -> None:
    result = BLENDS[mode](*all_edges())
    assert result.min() >= -1e-5
    assert result.max() <= 1 + 1e-5


@pytest.mark.parametrize("mode", sorted(OVERSHOOTING))
def test_overshooting_modes_do(mode: str) -> None:
    result = BLENDS[mode](*all_edges())
    assert result.min() < -0.01 or result.max() > 1.01


@pytest.mark.comfyui
def test_modes_are_cores(core_blend: object) -> None:
    coverage = {"union": "union", "backdrop": "clip-to-backdrop"}
    ours = {name: (mode.light, coverage[mode.coverage]) for name, mode in BLEND_MODES.items()}
    assert ours == core_blend._LAYER_MODES  # type: ignore[attr-defined]


@pytest.mark.comfyui
@pytest.mark.parametrize("mode", BLENDS)
def test_blending_equals_cores(core_blend: object, mode: str) -> None:
    noise = np.random.default_rng(5).random((2, 3, 1, 4000), np.float32)
    levels = np.round(noise * 8) / 8  # boundaries are met, and met exactly
    for backdrop, layer in (noise, levels):
        theirs = core_blend.blend_pixel(  # type: ignore[attr-defined]
            mode, np.moveaxis(backdrop, 0, -1), np.moveaxis(layer, 0, -1)
        )
        ours = BLENDS[mode](torch.from_numpy(backdrop), torch.from_numpy(layer)).expand(3, -1, -1)
        np.testing.assert_allclose(np.moveaxis(ours.numpy(), 0, -1), theirs, atol=1e-5, rtol=1e-5)
