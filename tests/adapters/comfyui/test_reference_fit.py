"""An image's way to the size that a model sees, as data."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit, on_budget
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits

LARGE = Limits(max_canvas_pixels=20_000**2)
sides = st.integers(1, 20_000)
sizes = st.tuples(sides, sides)


@given(st.builds(ReferenceFit, sizes, st.none() | sizes, st.none() | st.tuples(sides, sides, sides, sides)))
def test_a_fit_survives_the_input_of_a_node(fit: ReferenceFit) -> None:
    assert ReferenceFit.from_dict(json.loads(json.dumps(fit.to_dict())), LARGE) == fit


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("text", "fit is 'text'; it must be an object"),
        ({}, "fit.size is null; it must be a list of 2 whole numbers"),
        ({"size": [8, 8], "sizes": 1}, "Unknown field 'sizes' in fit"),
        ({"size": [8]}, "fit.size is a list; it must be a list of 2"),
        ({"size": [8, -8]}, "fit.size is -8; it must be a whole number from 0 to 65535"),
        ({"size": [8, 0]}, r"fit.size is 8x0 \(0 px\)"),
        ({"size": [12_000, 12_000]}, r"fit.size is 12000x12000 \(144000000 px\); the limit is 134217728 px"),
        ({"size": [8, 8], "canvas": [12_000, 12_000]}, "fit.canvas is 12000x12000"),
        ({"size": [8, 8], "window": [0, 0, 0, 8]}, "fit.window is a list; it must be at least one pixel"),
        ({"size": [8, 8], "window": [0, 0, 8, 1e9]}, "fit.window is 1000000000.0; it must be a whole number"),
    ],
)
def test_a_fit_that_no_plan_makes_is_refused(values: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        ReferenceFit.from_dict(values, Limits())


@given(sizes, st.integers(256, 2**24), st.sampled_from([8, 16, 32]))
def test_a_size_on_a_budget_is_on_the_grid_and_rounds_each_side_once(
    size: tuple[int, int], pixels: int, grid: int
) -> None:
    scale = math.sqrt(pixels / math.prod(size))
    for side, fitted in zip(size, on_budget(size, pixels, grid), strict=True):
        assert fitted % grid == 0
        assert abs(fitted - max(side * scale, grid / 2)) <= grid / 2 + 1e-6


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([8, 16, 32]))
def test_a_size_that_is_its_own_budget_stays(columns: int, rows: int, grid: int) -> None:
    size = (columns * grid, rows * grid)
    assert on_budget(size, math.prod(size), grid) == size


@pytest.mark.parametrize(
    ("size", "pixels", "grid", "fitted"),
    [
        ((4000, 3000), 1024 * 1024, 16, (1184, 880)),
        ((1000, 1000), 1024 * 1024, 16, (1024, 1024)),
        ((10_000, 10), 128 * 128, 16, (4048, 16)),
    ],
)
def test_examples(size: tuple[int, int], pixels: int, grid: int, fitted: tuple[int, int]) -> None:
    assert on_budget(size, pixels, grid) == fitted
