"""Crop and stitch: the part of a picture that is edited instead of all of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multiedit.pipelines.adapters.comfyui.crop_region import choose_crop_region

NATIVE = 1024 * 1024
PHOTOGRAPH = (4000, 3000)


@st.composite
def masks(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """A canvas, and the box of a mask on it."""
    width, height = draw(st.integers(64, 9000)), draw(st.integers(64, 9000))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    return (width, height), (top, bottom, left, right)


@given(masks(), st.sampled_from([128 * 128, NATIVE]), st.sampled_from([16, 32]))
@example(((9000, 64), (0, 1, 8999, 9000)), NATIVE, 16)
def test_a_region_is_on_the_canvas_around_the_mask(
    drawn: tuple[tuple[int, int], tuple[int, int, int, int]], native: int, grid: int
) -> None:
    canvas, (top, bottom, left, right) = drawn
    region = choose_crop_region((top, bottom, left, right), canvas, native, grid, always=True)
    assert region is not None
    x, y, width, height = region.window
    assert 0 <= x <= left < right <= x + width <= canvas[0]
    assert 0 <= y <= top < bottom <= y + height <= canvas[1]
    for side, limit in zip((width, height), canvas, strict=True):
        assert side % grid == 0 or side == limit
    assert not any(side % grid for side in region.work)
    if grid not in region.work:  # else one side is as short as it can be
        # Both sides are scaled alike but for the rounding of each to the grid.
        apart = math.log(region.work[0] / width) - math.log(region.work[1] / height)
        assert abs(apart) <= sum(-math.log1p(-grid / 2 / side) for side in region.work) + 1e-6
        assert native / 2 * 0.75 <= math.prod(region.work) <= native * 1.05 * 1.25


@given(masks())
def test_a_region_is_chosen_where_it_spares_much_of_a_large_picture(
    drawn: tuple[tuple[int, int], tuple[int, int, int, int]],
) -> None:
    canvas, bounds = drawn
    region = choose_crop_region(bounds, canvas, NATIVE, 16)
    if region is not None:
        assert math.prod(region.window[2:]) <= 0.6 * math.prod(canvas)
        assert math.prod(canvas) > NATIVE


@pytest.mark.parametrize(
    ("bounds", "canvas", "window", "work"),
    [
        # The least part is what the model edits anyway, pixel for pixel.
        ((1400, 1500, 2000, 2100), PHOTOGRAPH, (1538, 938, 1024, 1024), (1024, 1024)),
        # It is moved inside the picture at a corner.
        ((0, 100, 0, 100), PHOTOGRAPH, (0, 0, 1024, 1024), (1024, 1024)),
        # A larger mask takes a quarter of its longer side around it, and is scaled to the native area.
        ((500, 1500, 1000, 2000), PHOTOGRAPH, (748, 248, 1504, 1504), (1024, 1024)),
        # A small picture is edited as a whole, at the native area.
        ((10, 50, 10, 50), (300, 200), None, None),
        ((0, 3000, 0, 4000), PHOTOGRAPH, None, None),
    ],
)
def test_examples(
    bounds: tuple[int, int, int, int],
    canvas: tuple[int, int],
    window: tuple[int, int, int, int] | None,
    work: tuple[int, int] | None,
) -> None:
    region = choose_crop_region(bounds, canvas, NATIVE, 16)
    assert (region.window if region else None, region.work if region else None) == (window, work)


@pytest.mark.parametrize(
    ("context", "window", "work"),
    [
        # A small part is seen by itself, larger than it is: more detail in a small place.
        (1.0, (1930, 1330, 240, 240), (1024, 1024)),
        (3.0, (1898, 1298, 304, 304), (1024, 1024)),
        (10.0, (1546, 946, 1008, 1008), (1008, 1008)),
    ],
)
def test_what_the_model_sees_around_the_mask_is_as_asked(
    context: float, window: tuple[int, int, int, int], work: tuple[int, int]
) -> None:
    region = choose_crop_region((1400, 1500, 2000, 2100), PHOTOGRAPH, NATIVE, 16, context=context)
    assert region is not None
    assert (region.window, region.work) == (window, work)


def test_a_part_that_is_asked_for_on_a_small_picture_is_not_coarser_than_the_model() -> None:
    region = choose_crop_region((10, 50, 10, 50), (300, 200), NATIVE, 16, always=True)
    assert region is not None
    assert region.window == (0, 0, 300, 200)
    assert region.work == (1248, 832)
