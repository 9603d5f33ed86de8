"""Shares of image 1 in words, and what the plan says of a mask."""

from __future__ import annotations

import pytest
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.images.facts import MaskSelection
from multiedit.pipelines.planning.shares import mask_notes, percent


@pytest.mark.parametrize(
    ("shares", "meaning", "notes"),
    [
        ((0.25,), "its white part", ["The mask lets 25 % of image 1 change: its white part."]),
        ((0.25,), "", ["The mask lets 25 % of image 1 change."]),
        ((1.0,), "its white part", ["The mask lets all of image 1 change."]),
        ((1.0, 1.0), "", ["The mask lets all of image 1 change."]),
        ((0.5, 0.1234), "", ["The mask lets 12.3 % to 50 % of image 1 change."]),
        ((0.12341, 0.12342), "", ["The mask lets 12.3 % of image 1 change."]),
        ((0.0, 0.5, 0.0), "", [
            "The mask lets 0 % to 50 % of image 1 change.",
            "In 2 of 3 frames the mask selects nothing, and image 1 stays as it is.",
        ]),
    ],
)  # fmt: skip
def test_a_mask_says_how_much_may_change(shares: tuple[float, ...], meaning: str, notes: list[str]) -> None:
    assert list(mask_notes(MaskSelection(shares, meaning))) == notes


NOISE = "What is below 5 of 255 in the mask is taken for noise, and stays as it is."


@pytest.mark.parametrize(
    ("sampled", "clear", "notes"),
    [
        (True, (0.25,), ["The mask lets 25 % of image 1 change.", NOISE]),
        (True, (0.99999,), ["The mask lets more than 99.9 % of image 1 change.", NOISE]),
        (True, (), ["The mask lets all of image 1 change."]),
        (False, (0.25,), ["The mask lets all of image 1 change."]),
    ],
)
def test_what_is_too_faint_counts_for_no_model_that_is_sampled(
    sampled: bool, clear: tuple[float, ...], notes: list[str]
) -> None:
    assert list(mask_notes(MaskSelection((1.0,), clear=clear), sampled=sampled)) == notes


def test_a_soft_edge_is_no_noise() -> None:
    assert len(list(mask_notes(MaskSelection((0.30002,), clear=(0.30001,)), sampled=True))) == 1


def test_a_mask_of_noise_is_refused_for_a_model_that_is_sampled() -> None:
    with pytest.raises(InvalidRequest, match="selects nothing: it is below 5 of 255 everywhere"):
        list(mask_notes(MaskSelection((1.0,), clear=(0.0,)), sampled=True))


@pytest.mark.parametrize("shares", [(0.0,), (0.0, 0.0)])
def test_a_mask_that_selects_nothing_is_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(InvalidRequest, match=r"selects nothing.*Make white \(1\)") as caught:
        list(mask_notes(MaskSelection(shares)))
    assert caught.value.field == "multiedit.roles"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.0004, "less than 0.1 %"), (0.001, "0.1 %"), (0.88333, "88.3 %"), (1.0, "100 %"),
     (0.9995, "more than 99.9 %")],
)  # fmt: skip
def test_percentages_are_never_all_or_nothing_by_rounding(share: float, words: str) -> None:
    assert percent(share) == words
