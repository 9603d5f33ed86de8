"""Float resampling against Pillow's Lanczos, and by windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from multiedit.pipelines.images.resample import axis_blocks, resample_columns, resample_rows, resize
from PIL import Image
from torch import Tensor

SIZES = [(300, 200), (50, 37), (97, 130), (231, 64), (40, 171), (97, 64), (1, 1), (97, 1), (1000, 3)]


def levels(seed: int, height: int = 64, width: int = 97, channels: int = 3) -> np.ndarray:
    """Noise over broad patches, as 8-bit levels."""
    rng = np.random.default_rng(seed)
    patches = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels)).repeat(8, 0).repeat(8, 1)
    return ((patches[:height, :width] + rng.integers(0, 256, (height, width, channels))) // 2).astype(
        np.uint8
    )


def picture(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / 255)[None]


@pytest.mark.parametrize("size", SIZES)
def test_a_resize_equals_pillows_of_float_channels(size: tuple[int, int]) -> None:
    image = picture(levels(1))
    channels = [Image.fromarray(image[0, ..., channel].numpy()) for channel in range(3)]
    expected = np.stack([each.resize(size, Image.Resampling.LANCZOS) for each in channels], axis=2)
    result = resize(image, size)
    assert result.shape == (1, size[1], size[0], 3)
    np.testing.assert_allclose(result[0].numpy(), expected.clip(0, 1), atol=2e-5)


@pytest.mark.parametrize("size", SIZES)
def test_a_resize_equals_pillows_of_8_bit_pixels_within_its_rounding(size: tuple[int, int]) -> None:
    pixels = levels(1) // 2 + 60  # Pillow also cuts off at 0 and 255 between its two passes
    expected = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), np.float32)
    assert np.abs(resize(picture(pixels), size)[0].numpy() * 255 - expected).max() <= 2


@pytest.mark.parametrize("size", SIZES)
def test_a_mask_is_resized_like_a_channel(size: tuple[int, int]) -> None:
    image = picture(levels(2))
    mask = resize(image[..., 1], size)
    assert mask.shape == (1, size[1], size[0])
    torch.testing.assert_close(mask, resize(image, size)[..., 1])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [3, 4])
def test_constants_stay_constant(size: tuple[int, int], channels: int) -> None:
    image = torch.full((1, 64, 97, channels), 0.37)
    torch.testing.assert_close(resize(image, size), torch.full((1, size[1], size[0], channels), 0.37))


def test_a_batch_is_resized_frame_by_frame_and_the_input_is_left_alone() -> None:
    batch = torch.cat([picture(levels(seed)) for seed in (1, 2, 3)])
    kept = batch.clone()
    result = resize(batch, (50, 37))
    assert torch.equal(result, torch.cat([resize(frame[None], (50, 37)) for frame in batch]))
    assert torch.equal(batch, kept)


def test_a_picture_that_fits_is_given_back() -> None:
    image = picture(levels(1))
    assert resize(image, (97, 64)) is image


def test_results_stay_in_range() -> None:
    edges = (picture(levels(1)) > 0.5).float()  # Lanczos overshoots beside an edge
    result = resize(edges, (291, 192))
    assert result.min() == 0
    assert result.max() == 1


@pytest.mark.parametrize("size", [(300, 200), (50, 37), (97, 20)])
def test_hidden_colours_do_not_bleed_into_visible_ones(size: tuple[int, int]) -> None:
    image = torch.zeros(1, 64, 97, 4)
    image[..., :3] = torch.tensor([1.0, 0.0, 1.0])  # hidden
    image[:, 10:50, 20:80] = torch.tensor([0.2, 0.6, 0.1, 1.0])
    result = resize(image, size)
    visible = result[..., 3] > 0.01
    assert visible.any()
    assert (result[visible][:, :3] - torch.tensor([0.2, 0.6, 0.1])).abs().max() < 1e-4
    torch.testing.assert_close(result[..., 3], resize(image[..., 3], size))


def test_faint_pixels_keep_their_colour() -> None:
    image = torch.empty(1, 32, 32, 4)
    image[..., :3] = torch.tensor([0.9, 0.5, 0.1])
    image[..., 3] = 2e-4
    result = resize(image, (50, 20))
    torch.testing.assert_close(result[..., :3], image[:, :20, :1, :3].expand(1, 20, 50, 3), atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(300, 200), (50, 37), (97, 20), (200, 64)])
@pytest.mark.parametrize("window", [(0, 5, 0, 7), (3, 4, 9, 10), (1, 20, 2, 50)])
def test_a_window_equals_the_same_part_of_the_whole(
    size: tuple[int, int], window: tuple[int, int, int, int]
) -> None:
    top, bottom, left, right = window
    planes = picture(levels(3))[0].permute(2, 0, 1)
    rows, columns = axis_blocks(64, size[1], top, bottom), axis_blocks(97, size[0], left, right)
    # Only the source pixels that the window needs are handed over.
    first, last = rows[0].first, rows[-1].last
    part = resample_columns(resample_rows(planes[:, first:last], rows, first), columns)
    whole = resize(planes.permute(1, 2, 0)[None], size)[0].permute(2, 0, 1)
    torch.testing.assert_close(part.clamp(0, 1), whole[:, top:bottom, left:right], atol=1e-6, rtol=0)


def test_blocks_cover_what_was_asked_for_and_their_weights_sum_to_one() -> None:
    blocks = axis_blocks(500, 333, 17, 290)
    assert blocks[0].start == 17
    assert blocks[-1].stop == 290
    assert [block.stop for block in blocks[:-1]] == [block.start for block in blocks[1:]]
    for block in blocks:
        assert block.weights.shape == (block.stop - block.start, block.last - block.first)
        torch.testing.assert_close(block.weights.sum(dim=1), torch.ones(block.stop - block.start))


def test_a_window_of_a_huge_result_needs_only_its_own_sources() -> None:
    (block,) = axis_blocks(1_000_000, 100_000, 50_000, 50_010)
    assert 499_900 < block.first < block.last < 500_200
