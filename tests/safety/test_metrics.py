from __future__ import annotations

import numpy as np
import pytest
from multiedit.pipelines.safety.metrics import compute_metrics, proportion, roc_auc


def random():
    return np.random.default_rng(1)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    # R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_proportion_is_wilsons(hits, count, low, high):
    found = proportion(hits, count)
    assert (found.value, found.low, found.high) == pytest.approx((hits / count, low, high), abs=1e-4)


def test_no_alarm_in_300_is_less_than_two_percent():
    """The rule of three says 1 %; Wilson's interval, which has two sides, a little more."""
    assert 3 / 300 < proportion(0, 300).high < 0.013


def test_nothing_to_count_is_no_figure():
    assert proportion(0, 0).value is None
    metrics = compute_metrics(np.zeros(5, bool), np.linspace(0, 1, 5), 0.5, random())
    assert (metrics.recall.value, metrics.f1.value, metrics.roc_auc.value) == (None, None, None)
    assert (metrics.false_positives, metrics.safe) == (3, 5)


def test_the_figures_of_a_small_table():
    unsafe = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool)
    scores = np.array([0.9, 0.8, 0.5, 0.1, 0.7, 0.4, 0.3, 0.2, 0.1, 0.0])
    metrics = compute_metrics(unsafe, scores, 0.5, random())
    assert (metrics.false_negatives, metrics.false_positives) == (1, 1)
    assert metrics.precision.value == metrics.recall.value == metrics.f1.value == 0.75
    assert metrics.false_positive_rate.value == pytest.approx(1 / 6)
    # 6 + 6 + 5 + (1 + half of a tie) of 24 pairs
    assert metrics.roc_auc.value == pytest.approx(18.5 / 24)
    for figure in (metrics.f1, metrics.roc_auc):
        assert 0 <= figure.low < figure.value < figure.high <= 1


def test_a_score_that_is_not_finite_is_flagged():
    metrics = compute_metrics(np.array([False]), np.array([np.nan]), 0.5, random())
    assert metrics.false_positives == 1


def test_perfect_and_useless_scores():
    unsafe = np.arange(100) >= 50
    assert roc_auc(unsafe.astype(float), unsafe) == 1.0
    assert roc_auc(np.zeros(100), unsafe) == 0.5
    assert roc_auc(1.0 - unsafe, unsafe) == 0.0


def test_the_intervals_cover_the_truth_as_often_as_they_say():
    draw = random()
    covered = sum(
        (found := proportion(int(draw.binomial(80, 0.1)), 80)).low <= 0.1 <= found.high for _ in range(400)
    )
    assert 0.92 < covered / 400 < 0.98
