from __future__ import annotations

import math

import pytest
import torch
from multiedit.pipelines.safety.blur import blur, cell_counts


def noise(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("size", "cells"),
    [
        ((1024, 1024), (16, 16)),
        ((1080, 1920), (9, 16)),
        ((1920, 1080), (16, 9)),
        ((7, 300), (1, 16)),
        ((300, 7), (16, 1)),
        ((64, 64), (16, 16)),
        ((16, 16), (4, 4)),
        ((1, 1), (1, 1)),
    ],
)
def test_the_grid_has_at_most_16_cells_and_the_pictures_ratio(size, cells):
    assert cell_counts(*size) == cells


def shuffled_in_cells(image, cell):
    """The same picture with the pixels of each `cell` x `cell` square in another order."""
    channels = image.shape[3]
    blocks = image.unfold(1, cell, cell).unfold(2, cell, cell)  # [B, down, across, C, cell, cell]
    order = torch.randperm(cell * cell, generator=torch.Generator().manual_seed(5))
    mixed = blocks.flatten(4)[..., order].unflatten(4, (cell, cell))
    return mixed.permute(0, 1, 4, 2, 5, 3).reshape(*image.shape[:3], channels)


@pytest.mark.parametrize("channels", [3, 4])
def test_nothing_inside_a_cell_is_left(channels):
    image = noise(1, 144, 256, channels)
    shuffled = shuffled_in_cells(image, 16)
    assert not torch.equal(shuffled, image)
    assert torch.equal(blur(shuffled), blur(image))


def test_a_channel_of_a_cell_has_32_levels():
    greys = torch.linspace(0, 1, 4001).view(-1, 1, 1, 1).expand(-1, 8, 8, 3)
    levels = blur(greys)[:, 4, 4, 0] * 31
    assert levels.unique().round(decimals=3).unique().tolist() == list(range(32))


def test_flat_colours_stay_within_half_a_level():
    colour = torch.tensor([0.1, 0.62, 0.97]).expand(1, 90, 160, 3)
    assert (blur(colour) - colour).abs().max() <= 0.5 / 31 + 1e-5


def test_enlarging_is_smooth():
    image = torch.zeros(1, 512, 512, 3)
    image[:, :, 256:] = 1
    steps = blur(image).diff(dim=2).abs()
    assert steps.max() < 0.06


@pytest.mark.parametrize("shape", [(7, 300), (300, 7), (1, 1), (16, 16), (33, 65)])
def test_any_size_keeps_its_shape_and_none_of_its_pixels(shape):
    image = noise(2, *shape, 3)
    hidden = blur(image)
    assert hidden.shape == image.shape
    assert not (hidden == image).any()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_bad_samples_give_a_finite_picture(bad):
    image = noise(1, 64, 64, 4)
    image[0, 10:20, 10:20] = bad
    hidden = blur(image)
    assert torch.isfinite(hidden).all()
    assert ((hidden >= 0) & (hidden <= 1)).all()


def test_pictures_of_a_batch_do_not_touch_each_other_or_the_input():
    batch = noise(3, 60, 90, 3)
    batch[1] = math.nan
    copy = batch.clone()
    hidden = blur(batch)
    for index in range(3):
        assert torch.equal(hidden[index], blur(batch[index : index + 1])[0])
    assert torch.equal(batch.nan_to_num(), copy.nan_to_num())


def test_transparency_is_laid_on_white_and_gone():
    image = torch.zeros(1, 32, 32, 4)
    assert blur(image).amin() > 0.999


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_dtype_stays(dtype):
    assert blur(noise(1, 32, 32, 3).to(dtype)).dtype == dtype


@pytest.mark.parametrize("size", [(144, 256), (320, 320), (203, 97), (700, 31)])
def test_no_more_than_the_cells_are_left_of_a_channel(size):
    """Enlarging is linear and separable: the rank is at most the cells of the short side, in whole levels."""
    image = 0.3 + 0.4 * noise(1, *size, 3)
    channels = blur(image)[0].permute(2, 0, 1).double()
    down, across = cell_counts(*size)
    assert max(int(rank) for rank in torch.linalg.matrix_rank(channels, rtol=1e-5)) <= min(down, across)
    assert down * across <= 16 * 16


def test_the_picture_of_its_own_cells_gives_the_same():
    image = noise(1, 144, 256, 3)
    cells = image.unfold(1, 16, 16).unfold(2, 16, 16).mean((4, 5))
    levels = (cells * 31).round() / 31
    assert max(len(channel.unique()) for channel in levels.flatten(0, 2).T) <= 32
    blocks = levels.repeat_interleave(16, dim=1).repeat_interleave(16, dim=2)
    assert torch.allclose(blur(blocks), blur(image), atol=1e-6)
