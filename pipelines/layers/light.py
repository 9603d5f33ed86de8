"""sRGB encoding to linear light and back, without a power function on the common path.

Source of the curves: IEC 61966-2-1. A power over an image costs more than all the blending, so in
0..1 each curve is a minimax polynomial on its power part joined to the exact straight part: at most
0.005/255 from the true curve, counted in encoded units. The polynomials are fitted with their ends held, so
black stays black and white stays white. Both halves are evaluated everywhere and added
(`P(max(x, knee)) + slope * (min(x, knee) - knee)`), since a select costs more than the polynomial.

The exact functions accept any real number, as the blend modes that leave 0..1 need.
"""

from __future__ import annotations

import torch
from torch import Tensor

_ENCODED_KNEE = 0.04045
_LINEAR_KNEE = 0.0031308
_SLOPE = 12.92

# ((x + 0.055) / 1.055) ** 2.4 on [0.04045, 1], ascending powers of x, fitted to the encoded error.
_TO_LINEAR = (
    0.0008668571725, 0.03462779201, 0.4971165088, 0.7750315463, -0.5451626918, 0.3250417248, -0.08752173724,
)  # fmt: skip

# 1.055 * y ** (1 / 2.4) - 0.055 on [0.0031308, 1], ascending powers of t = y ** (1 / 4).
_TO_ENCODED = (-0.06118842424, 0.1607370389, 1.259412233, -0.583175958, 0.2932032495, -0.06898813902)


def _horner(coefficients: tuple[float, ...], x: Tensor, less: float) -> Tensor:
    """The polynomial, less a number."""
    result = torch.add(x.new_full((), coefficients[-2]), x, alpha=coefficients[-1])
    for coefficient in (*coefficients[-3:0:-1], coefficients[0] - less):
        torch.addcmul(x.new_full((), coefficient), result, x, out=result)
    return result


def to_linear(encoded: Tensor) -> Tensor:
    """Linear light of sRGB-encoded values; inputs outside 0..1 are clamped. Returns a new tensor."""
    result = _horner(_TO_LINEAR, encoded.clamp(_ENCODED_KNEE, 1.0), less=_ENCODED_KNEE / _SLOPE)
    return result.add_(encoded.clamp(0.0, _ENCODED_KNEE), alpha=1 / _SLOPE)


def to_encoded(linear: Tensor) -> Tensor:
    """sRGB encoding of linear light; inputs outside 0..1 are clamped. Returns a new tensor."""
    fourth_root = linear.clamp(_LINEAR_KNEE, 1.0).rsqrt_().rsqrt_()
    result = _horner(_TO_ENCODED, fourth_root, less=_LINEAR_KNEE * _SLOPE)
    return result.add_(linear.clamp(0.0, _LINEAR_KNEE), alpha=_SLOPE)


def to_linear_exact(encoded: Tensor) -> Tensor:
    """Linear light of any real value, the curve continued below 0 as a line and above 1 as a power."""
    power = ((encoded.clamp(min=0.0) + 0.055) / 1.055) ** 2.4
    return torch.where(encoded <= _ENCODED_KNEE, encoded / _SLOPE, power)


def to_encoded_exact(linear: Tensor) -> Tensor:
    """sRGB encoding of any real value, continued as in `to_linear_exact`."""
    power = 1.055 * linear.clamp(min=0.0) ** (1 / 2.4) - 0.055
    return torch.where(linear <= _LINEAR_KNEE, linear * _SLOPE, power)
