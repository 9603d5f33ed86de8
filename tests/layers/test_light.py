"""The light curves against 64-bit powers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from multiedit.pipelines.layers.light import to_encoded, to_encoded_exact, to_linear, to_linear_exact
from numpy.typing import NDArray
from torch import Tensor

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def linear_of(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    power = ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4
    return np.where(encoded <= 0.04045, encoded / 12.92, power)


def encoded_of(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    power = 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    return np.where(linear <= 0.0031308, linear * 12.92, power)


def dense() -> NDArray[np.float64]:
    """0..1, with the dark end, where the curves are steep and joined, denser still."""
    return np.concatenate((np.linspace(0, 0.01, 50_000), np.linspace(0.01, 1, 200_000)))


def apply(function: Callable[[Tensor], Tensor], values: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = function(torch.from_numpy(values).float()).double().numpy()
    return result


def test_to_linear_errs_by_less_than_a_hundredth_of_a_level() -> None:
    encoded = dense()
    error = encoded_of(apply(to_linear, encoded)) - encoded
    assert np.abs(error).max() * 255 < 0.01


def test_to_encoded_errs_by_less_than_a_hundredth_of_a_level() -> None:
    linear = dense()
    assert np.abs(apply(to_encoded, linear) - encoded_of(linear)).max() * 255 < 0.01


def test_there_and_back_keeps_every_8_bit_and_every_10_bit_level() -> None:
    for highest in (255, 1023):
        levels = torch.arange(highest + 1) / highest
        back = to_encoded(to_linear(levels)) * highest
        assert torch.equal(back.round(), torch.arange(highest + 1.0))


@pytest.mark.parametrize("function", [to_linear, to_encoded, to_linear_exact, to_encoded_exact])
def test_curves_rise(function: Callable[[Tensor], Tensor]) -> None:
    steps = np.diff(apply(function, np.unique(dense().astype(np.float32)).astype(np.float64)))
    assert steps.min() > -2e-7  # a rounding step of float32 at 1


@pytest.mark.parametrize("function", [to_linear, to_encoded])
def test_fast_curves_clamp_and_keep_black_and_white(function: Callable[[Tensor], Tensor]) -> None:
    values = torch.tensor([-1.0, -1e-9, 0.0, 1.0, 1.0001, 2.0, 1e30])
    result = function(values)
    torch.testing.assert_close(result, torch.tensor([0.0, 0, 0, 1, 1, 1, 1]), atol=2.5e-7, rtol=0)


@pytest.mark.parametrize(
    ("function", "curve"), [(to_linear_exact, linear_of), (to_encoded_exact, encoded_of)]
)
def test_exact_curves_take_any_number(function: Callable[[Tensor], Tensor], curve: Curve) -> None:
    values = np.linspace(-1, 2, 100_001)
    np.testing.assert_allclose(apply(function, values), curve(values), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("function", [to_linear, to_encoded, to_linear_exact, to_encoded_exact])
def test_inputs_are_left_alone_and_need_not_be_contiguous(function: Callable[[Tensor], Tensor]) -> None:
    values = torch.linspace(-0.5, 1.5, 600).view(30, 20)
    kept = values.clone()
    assert torch.equal(function(values.T), function(values).T)
    assert torch.equal(values, kept)
