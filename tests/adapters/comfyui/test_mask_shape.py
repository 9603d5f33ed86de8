"""The shape of an edit mask: what is too faint to count, growing it, and fading it in."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from multiedit.pipelines.adapters.comfyui.mask_shape import faded, grown, without_specks
from torch.nn.functional import max_pool2d


def noise(seed: int, height: int, width: int) -> torch.Tensor:
    """A mask of single pixels of all values."""
    values = torch.rand(2, height, width, generator=torch.Generator().manual_seed(seed))
    return torch.where(values[0] > 0.98, values[1], 0.0)


@given(st.integers(0, 99), st.integers(1, 70), st.integers(1, 50), st.integers(0, 90))
def test_a_grown_mask_is_the_largest_value_within_reach(
    seed: int, height: int, width: int, reach: int
) -> None:
    mask = noise(seed, height, width)
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    made = grown(mask, reach)
    if reach < 20:
        assert torch.equal(made, max_pool2d(mask[None, None], 2 * reach + 1, 1, reach)[0, 0])
    row, column = height // 2, width // 3
    near = ((rows - row).abs() <= reach) & ((columns - column).abs() <= reach)
    assert made[row, column] == mask[near].max()


@pytest.mark.parametrize("level", [0, 1, 4, 5, 128, 255])
def test_up_to_four_levels_are_nothing(level: int) -> None:
    mask = torch.full((1, 2, 2), level / 255)
    assert torch.equal(without_specks(mask), mask * (level > 4))


def box(height: int, width: int, top: int, bottom: int, left: int, right: int) -> torch.Tensor:
    mask = torch.zeros(height, width)
    mask[top:bottom, left:right] = 1.0
    return mask


@given(st.integers(0, 99), st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=30)
def test_a_faded_mask_is_never_more_than_the_mask_and_loses_no_stroke(
    seed: int, width: int, inset: int
) -> None:
    far = inset + 2 * (width + inset) + 9  # of a stroke from the box
    mask = torch.maximum(noise(seed, 60, 80), box(60, 80, 5, 40, 10, 60))
    mask = torch.cat((mask, torch.zeros(far, 80)))
    mask[-3:-1] = 1.0
    made = faded(mask, width, inset)
    assert (made <= mask).all()
    assert made.max() > 0.99
    assert made[-3:-1].max() > 0.99


@pytest.mark.parametrize(
    ("width", "inset", "expected"),
    [
        (0, 0, [1, 1, 1, 1, 1, 1, 1, 1]),
        (4, 0, [1 / 9, 3 / 9, 5 / 9, 7 / 9, 1, 1, 1, 1]),
        (2, 3, [0, 0, 0, 0.2, 0.6, 1, 1, 1]),
        (0, 3, [0, 0, 0, 1, 1, 1, 1, 1]),
    ],
)
def test_an_edge_rises_inwards_over_a_width_from_an_inset_on(
    width: int, inset: int, expected: list[float]
) -> None:
    mask = box(60, 60, 10, 50, 10, 50)
    made = faded(mask, width, inset)
    for line in (made[30, 10:18], made[10:18, 30], made[30, 42:50].flip(0)):
        assert line.tolist() == pytest.approx(expected, abs=1e-5)
    assert not made[mask == 0].any()


def test_nothing_fades_at_the_border_of_the_picture() -> None:
    made = faded(box(60, 60, 0, 60, 20, 60), 8, 4)
    assert (made[:, 40:] == 1).all()


@pytest.mark.parametrize(("width", "inset"), [(512, 0), (0, 512), (512, 512)])
def test_a_huge_edge_leaves_the_middle(width: int, inset: int) -> None:
    made = faded(box(60, 60, 20, 40, 20, 40), width, inset)
    assert made[30, 30] > 0.9
    assert made.sum() > 10


@pytest.mark.parametrize("size", [(1, 1), (40, 60)])
def test_of_a_frame_without_a_mask_nothing_is_selected(size: tuple[int, int]) -> None:
    nothing = torch.zeros(size)
    assert not faded(nothing, 4, 2).any()
    assert not grown(nothing[None], 9).any()
