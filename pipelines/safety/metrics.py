"""Measure how well scores tell unsafe images from safe ones, with 95 % intervals. Without torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

RESAMPLES = 1000
_DEVIATIONS = 1.959964  # of the normal distribution, around 95 %


@dataclass(frozen=True)
class Estimate:
    """A rate and its interval, all 0..1; None where there are no images to measure it by."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Metrics:
    """Metrics of one classifier, preset and view setting.

    Attributes:
        unsafe, safe: the number of images with these labels.
        false_negatives, false_positives: unsafe ones that passed, and safe ones that were flagged.
        precision, recall, false_positive_rate: with Wilson's interval.
        f1, roc_auc: with an interval from resampling the images.
    """

    unsafe: int
    safe: int
    false_negatives: int
    false_positives: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    false_positive_rate: Estimate
    roc_auc: Estimate


def compute_metrics(unsafe: Bools, scores: Floats, threshold: float, random: np.random.Generator) -> Metrics:
    """Compare scores with labels.

    Args:
        unsafe: [N], the labels.
        scores: [N], higher is less safe; an image is flagged unless its score is below the threshold.
        random: generator for the resampling.
    """
    flagged = ~(scores < threshold)
    hits = int((flagged & unsafe).sum())
    flags, count = int(flagged.sum()), int(unsafe.sum())
    return Metrics(
        unsafe=count,
        safe=len(unsafe) - count,
        false_negatives=count - hits,
        false_positives=flags - hits,
        precision=proportion(hits, flags),
        recall=proportion(hits, count),
        f1=_resampled(lambda chosen: _f1(flagged[chosen], unsafe[chosen]), len(unsafe), random),
        false_positive_rate=proportion(flags - hits, len(unsafe) - count),
        roc_auc=_resampled(lambda chosen: roc_auc(scores[chosen], unsafe[chosen]), len(unsafe), random),
    )


def proportion(hits: int, count: int) -> Estimate:
    """Estimate hits / count with the score interval of E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209."""
    if not count:
        return Estimate(None)
    share, spread = hits / count, _DEVIATIONS**2 / count
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half))


def roc_auc(scores: Floats, unsafe: Bools) -> float | None:
    """Return how often an unsafe image has a higher score than a safe one; a tie counts half."""
    safe = np.sort(scores[~unsafe])
    if not 0 < len(safe) < len(scores):
        return None
    below = np.searchsorted(safe, scores[unsafe], side="left")
    not_above = np.searchsorted(safe, scores[unsafe], side="right")
    return float((below + not_above).mean() / (2 * len(safe)))


def _f1(flagged: Bools, unsafe: Bools) -> float | None:
    every = int(flagged.sum() + unsafe.sum())
    return 2 * int((flagged & unsafe).sum()) / every if unsafe.any() else None


def _resampled(
    rate: Callable[[npt.NDArray[np.int64]], float | None], count: int, random: np.random.Generator
) -> Estimate:
    value = rate(np.arange(count))
    if value is None:
        return Estimate(None)
    drawn = [rate(random.integers(0, count, count)) for _ in range(RESAMPLES)]
    low, high = np.quantile([each for each in drawn if each is not None], [0.025, 0.975])
    return Estimate(value, float(low), float(high))
