"""Rotation against exact turns, a plain cubic sampler and Pillow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from multiedit.pipelines.layers.document import rotated_bounds
from multiedit.pipelines.layers.placement import Box, CanvasWindow
from multiedit.pipelines.layers.rotate import rotate_window
from PIL import Image
from torch import Tensor

BOX = Box(7, -5, 40, 30)


def opaque(levels: np.ndarray) -> Tensor:
    colour = torch.from_numpy(levels.astype(np.float32) / 255).permute(2, 0, 1)
    return torch.cat((colour, torch.ones_like(colour[:1])))


def noise() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (30, 40, 3), np.uint8)


def smooth() -> np.ndarray:
    y, x = np.mgrid[:30, :40]
    waves = [np.sin(x / 25 + y / 30 + phase) for phase in (0, 1, 2)]
    return np.round(127 + 100 * np.stack(waves, axis=2)).astype(np.uint8)


def whole(planes: Tensor, rotation: float) -> Tensor:
    bounds = rotated_bounds(BOX, rotation)
    return rotate_window(
        planes, BOX, rotation, (bounds.y, bounds.y + bounds.height, bounds.x, bounds.x + bounds.width)
    )


@pytest.mark.parametrize("turns", [-3, -1, 0, 1, 2, 3, 4])
def test_quarter_turns_are_exact_and_clockwise(turns: int) -> None:
    planes = opaque(noise())
    result = whole(planes, turns * math.pi / 2)
    torch.testing.assert_close(result, torch.rot90(planes, -turns, (1, 2)), atol=2e-5, rtol=0)


def cubic(distance: float) -> float:
    """The kernel of a = -1."""
    d = abs(distance)
    if d < 1:
        return (d - 2) * d * d + 1
    return ((5 - d) * d - 8) * d + 4 if d < 2 else 0.0


@pytest.mark.parametrize("rotation", [0.05, 0.4, -1.1, 2.5, -3.0])
def test_a_pixel_is_the_cubic_sum_of_the_sixteen_around_its_source(rotation: float) -> None:
    planes = opaque(noise())
    result, bounds = whole(planes, rotation), rotated_bounds(BOX, rotation)
    for turned_x, turned_y in ((0, 0), (5.25, -3.5), (-9.0, 4.0)):  # from the centre of the box
        canvas_x, canvas_y = math.floor(27 + turned_x), math.floor(10 + turned_y)
        dx, dy = canvas_x + 0.5 - 27, canvas_y + 0.5 - 10
        x = dx * math.cos(rotation) + dy * math.sin(rotation) + 20 - 0.5
        y = dy * math.cos(rotation) - dx * math.sin(rotation) + 15 - 0.5
        expected = sum(
            cubic(x - column) * cubic(y - row) * planes[:, row, column]
            for row in range(math.floor(y) - 1, math.floor(y) + 3)
            for column in range(math.floor(x) - 1, math.floor(x) + 3)
        )
        assert isinstance(expected, Tensor)
        found = result[:, canvas_y - bounds.y, canvas_x - bounds.x]
        torch.testing.assert_close(found, expected.clamp(0, 1), atol=1e-4, rtol=0)


@pytest.mark.parametrize("rotation", [0.03, 0.3, 1.2, -0.7, -2.0])
def test_a_smooth_picture_turns_as_in_pillow(rotation: float) -> None:
    levels = smooth()
    turned = Image.fromarray(levels).convert("RGBA").rotate(
        -math.degrees(rotation), resample=Image.Resampling.BICUBIC, expand=True
    )  # fmt: skip
    expected = torch.from_numpy(np.asarray(turned).astype(np.float32)).permute(2, 0, 1)
    result = whole(opaque(levels), rotation) * 255
    assert result.shape == expected.shape
    inside = torch.nn.functional.avg_pool2d(expected[3][None], 7, 1, 3)[0] == 255
    assert inside.sum() > 200
    assert (result - expected)[:, inside].abs().max() < 2  # Pillow starts from whole levels and cuts off


@pytest.mark.parametrize("rotation", [0.3, -1.0])
def test_edges_fade_within_two_pixels_of_the_edge_and_cover_the_layers_area(rotation: float) -> None:
    colour = torch.tensor([0.8, 0.4, 0.1])
    planes = torch.cat((colour[:, None, None].expand(3, 30, 40), torch.ones(1, 30, 40)))
    result = whole(planes, rotation)
    alpha = result[3]
    assert abs(float(alpha.sum()) / (40 * 30) - 1) < 0.01
    faded = (alpha > 1e-4) & (alpha < 1 - 1e-4)
    assert faded.sum() < 2 * 2 * (40 + 40 + 30 + 30)
    # No dark or bright rim: the colour is the layer's wherever it is seen at all.
    assert (result[:3] - colour[:, None, None])[:, alpha > 1e-3].abs().max() < 1e-3


def test_outside_the_layer_it_is_transparent() -> None:
    result = whole(opaque(noise()), 0.5)
    assert result[3, 0, 0] == 0
    assert result[3, -1, -1] == 0
    far = rotate_window(opaque(noise()), BOX, 0.5, CanvasWindow(500, 510, 700, 720))
    assert not far.any()


def test_a_window_equals_the_same_part_of_the_whole_and_the_input_is_left_alone() -> None:
    planes = opaque(noise())
    kept = planes.clone()
    result, bounds = whole(planes, 0.8), rotated_bounds(BOX, 0.8)
    part = rotate_window(
        planes, BOX, 0.8, CanvasWindow(bounds.y + 3, bounds.y + 20, bounds.x + 7, bounds.x + 31)
    )
    torch.testing.assert_close(part, result[:, 3:20, 7:31], atol=1e-6, rtol=0)
    assert torch.equal(planes, kept)
