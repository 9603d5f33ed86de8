"""Measure how a model's output differs in colour from the base outside the mask, and correct it.

Each channel's difference is a factor and an offset, in sRGB values as a VAE has them: base = gain * output +
offset. They are fitted to the means of cells of 16 x 16 pixels outside the mask, by iteratively reweighted
least squares with Tukey's biweight (Beaton and Tukey 1974), so that what the model changed there counts for
nothing; means, because a VAE loses and makes detail, which would pull a fit by pixels to a lower gain.

A difference is clear, and only then corrected, where most cells agree on it closely, where it is larger than
what eight bits can show and within bounds, and where the output lies nearer to the base after it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

_CELL = 16
_FEWEST_CELLS = 24
_ROUNDS = 12
_BIWEIGHT = 4.685  # of the scale: 95 % efficient where nothing is an outlier
_TO_DEVIATION = 1.4826  # of a median of absolute differences
_LEAST_SCALE = 0.25 / 255
_LARGEST_SCALE = 4 / 255  # of the cells about the fit
_LEAST_AGREEING = 0.6  # share of the cells
_LEAST_SPREAD = 0.04  # of the values, below which a gain cannot be told
_LEAST = 0.75 / 255  # what is corrected
_LARGEST = 32 / 255
_GAINS = (0.8, 1.25)
_LEAST_IMPROVEMENT = 0.2  # of the difference that the correction has to take away


class ColorShift(NamedTuple):
    """How an output's colours become the base's: `gain * value + offset`, for red, green and blue.

    Attributes:
        difference: output minus base, the mean of each channel outside the mask, 0..1.
    """

    gain: tuple[float, ...]
    offset: tuple[float, ...]
    difference: tuple[float, ...]

    @property
    def is_none(self) -> bool:
        """Whether there is nothing to correct."""
        return self.gain == (1.0, 1.0, 1.0) and self.offset == (0.0, 0.0, 0.0)


class _Fit(NamedTuple):
    gain: float
    offset: float
    difference: float


def measure_color(output: Tensor, base: Tensor, keep: Tensor) -> ColorShift | None:
    """Measure a model's shift in colour; None where it is not clear, gain 1 and offset 0 where there is none.

    Args:
        output, base: float32 [H, W, 3 or more], 0..1, sRGB; only the first three channels count.
        keep: bool [H, W], where both should show the same.
    """
    if min(keep.shape) < _CELL:
        return None
    inside = avg_pool2d(keep[None].float(), _CELL)[0] == 1
    if int(inside.sum()) < _FEWEST_CELLS:
        return None
    made, own = (
        avg_pool2d(image[..., :3].movedim(-1, 0), _CELL)[:, inside].double() for image in (output, base)
    )
    fits = [_fit(values, wanted) for values, wanted in zip(made, own, strict=True)]
    if not all(fits):
        return None
    gain, offset, difference = zip(*(fit for fit in fits if fit), strict=True)
    return ColorShift(gain, offset, difference)


def with_base_colors(image: Tensor, shift: ColorShift) -> Tensor:
    """Correct the colours of an image [H, W, 3 or 4], 0..1; alpha stays."""
    colors = image[..., :3] * image.new_tensor(shift.gain) + image.new_tensor(shift.offset)
    return torch.cat((colors.clamp(0.0, 1.0), image[..., 3:]), dim=-1)


def _fit(values: Tensor, wanted: Tensor) -> _Fit | None:
    """Fit one channel's cells [N]; None where they do not agree, or on too much."""
    spread = float(values.std()) >= _LEAST_SPREAD
    gain, offset = 1.0, float((wanted - values).median())
    for _ in range(_ROUNDS):
        rest = wanted - gain * values - offset
        scale = max(_LEAST_SCALE, _TO_DEVIATION * float(rest.abs().median()))
        weights = (1 - (rest / (_BIWEIGHT * scale)).square()).clamp(min=0.0).square()
        gain, offset = _weighted_line(values, wanted, weights, spread)
    agreeing = weights > 0
    if not (scale <= _LARGEST_SCALE and float(agreeing.double().mean()) >= _LEAST_AGREEING):
        return None
    before = (values - wanted)[agreeing]
    change = ((gain - 1) * values + offset)[agreeing]
    if float(change.abs().max()) < _LEAST:
        return _Fit(1.0, 0.0, float(before.mean()))
    within = float(change.abs().max()) <= _LARGEST and _GAINS[0] <= gain <= _GAINS[1]
    after = float((before + change).abs().mean())
    if not (within and after <= (1 - _LEAST_IMPROVEMENT) * float(before.abs().mean())):
        return None
    return _Fit(gain, offset, float(before.mean()))


def _weighted_line(values: Tensor, wanted: Tensor, weights: Tensor, spread: bool) -> tuple[float, float]:
    """Gain and offset of least squares; the offset alone where the values are too much alike."""
    total = weights.sum()
    middle, target = (weights * values).sum() / total, (weights * wanted).sum() / total
    apart = values - middle
    gain = (
        float((weights * apart * (wanted - target)).sum() / (weights * apart.square()).sum())
        if spread
        else 1.0
    )
    return gain, float(target) - gain * float(middle)
