"""A model's output brought onto the base, and what the plan and the summary say of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.matching import matched
from multiedit.pipelines.adapters.comfyui.measured import MEASURED, measured_json, with_measured
from multiedit.pipelines.adapters.comfyui.pixels import finished
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.tests.support.photographs import HEIGHT, WIDTH, photograph

SIZE = (WIDTH, HEIGHT)
WHOLE = ReferenceFit(SIZE, SIZE)
BASE = photograph()[None]
MASK = torch.zeros(1, HEIGHT, WIDTH)
MASK[:, 160:230, 200:300] = 1.0
UNKNOWN = (
    "a shift cannot be told, nothing is moved; a difference in colour cannot be told, nothing is corrected"
)
KEPT = (MASK[0] == 0)[..., None]


def answer(x: float = 0.0, y: float = 0.0, brighter: float = 0.0) -> torch.Tensor:
    """The photograph, shifted and brighter; in the middle of the mask the model drew a white square."""
    made = photograph(x, y) + brighter
    made[180 + int(y) : 210 + int(y), 230 + int(x) : 270 + int(x)] = 0.9 + brighter
    return made[None].clamp(0, 1)


def both(edited: torch.Tensor, base: torch.Tensor = BASE, fit: ReferenceFit = WHOLE, **switches: bool) -> Any:
    switches = {"color_match": True, "align": True, **switches}
    return matched(edited, base, MASK, fit, **switches)


def test_what_the_model_drew_is_where_and_as_it_would_be_without_the_shift() -> None:
    edited = answer(3, -2, 0.02)
    copies = edited.clone(), BASE.clone(), MASK.clone()
    made, [measured] = both(edited)
    assert (made - answer())[:, 180:210, 230:270].abs().max() < 0.5 / 255
    assert (made - answer())[:, 16:-16, 16:-16].abs().mean() < 0.1 / 255
    assert measured.values["shift"] == (3, -2)
    assert measured.note.startswith(
        "shifted by 3 px to the right and 2 px up as sampled, moved back; red +5."
    )
    assert measured.note.endswith("of 255, corrected")
    assert all(torch.equal(*pair) for pair in zip(copies, (edited, BASE, MASK), strict=True))


@pytest.mark.parametrize(
    ("switches", "keys"),
    [
        ({"align": False}, {"color"}),
        ({"color_match": False}, {"shift"}),
        ({"align": False, "color_match": False}, set()),
    ],
)
def test_what_is_switched_off_is_not_measured(switches: dict[str, bool], keys: set[str]) -> None:
    edited = answer(3, -2, 0.02)
    made, measured = both(edited, **switches)
    assert {key for each in measured for key in each.values} == keys
    assert torch.equal(made, edited) is (not keys)


@pytest.mark.parametrize(
    ("edited", "note"),
    [
        (answer(), "no shift; the colours are image 1's"),
        (answer(0.5), "shifted by 0.5 px to the right as sampled, moved back; the colours are image 1's"),
        (torch.rand(1, HEIGHT, WIDTH, 3), UNKNOWN),
        (torch.full((1, HEIGHT, WIDTH, 3), torch.nan), UNKNOWN),
    ],
    ids=["identity", "half a pixel", "noise", "NaN"],
)
def test_the_note_says_what_was_found(edited: torch.Tensor, note: str) -> None:
    made, [measured] = both(edited)
    assert measured.note == note
    if "moved back" not in note:
        assert torch.equal(made.nan_to_num(), edited.nan_to_num())


def test_each_result_of_a_batch_is_matched_by_itself() -> None:
    made, measured = both(torch.cat((answer(), answer(2, 0), answer(0, 0, -0.02))))
    assert [each.values["shift"] for each in measured] == [(0, 0), (2, 0), (0, 0)]
    assert [round(255 * each.values["color"]["difference"][0]) for each in measured] == [0, 0, -5]
    assert (made - answer())[:, 180:210, 230:270].abs().max() < 0.5 / 255


def test_a_part_that_is_sampled_larger_is_matched_at_the_size_it_was_sampled() -> None:
    large = torch.nn.functional.interpolate(BASE.movedim(-1, 1), scale_factor=2, mode="bilinear")
    base = large.movedim(1, -1).clamp(0, 1).contiguous()
    fit = ReferenceFit((448, 320), (2 * WIDTH, 2 * HEIGHT), (64, 64, 896, 640))
    shown = torch.nn.functional.avg_pool2d(base[:, 64:704, 64:960].movedim(-1, 1), 2).movedim(1, -1)
    edited = shown.roll(2, dims=2)
    _, [measured] = both(edited, base, fit)
    assert measured.values["shift"] == (2, 0)


def test_nothing_is_told_from_colours_that_do_not_show() -> None:
    seen = torch.ones(1, HEIGHT, WIDTH, 1)
    seen[:, :, : WIDTH // 4] = 0.0
    base = torch.cat((BASE, seen), dim=3)
    edited = answer(0, 0, 0.02)
    edited[:, :, : WIDTH // 4] = torch.rand(1, HEIGHT, WIDTH // 4, 3)
    _, [measured] = both(edited, base)
    assert [round(255 * value) for value in measured.values["color"]["difference"]] == [5, 5, 5]


def test_outside_the_mask_the_base_keeps_its_bits_whatever_is_corrected() -> None:
    made, _ = both(answer(2.5, -1.5, 0.03))
    result = finished(made, SIZE, BASE, MASK, WHOLE, feather=6, pull_in=2)
    assert torch.equal(result * KEPT, BASE * KEPT)
    assert not torch.equal(result, BASE)


PLAN = json.dumps({"notes": ["first"], "generation": {"steps": 4}})


def test_what_was_measured_is_in_the_plan_and_the_summary() -> None:
    measured = measured_json(both(answer(1, 0))[1])
    plan, summary = with_measured(PLAN, "title\nfirst", measured, None)
    note = f"{MEASURED}: shifted by 1 px to the right as sampled, moved back; the colours are image 1's."
    assert summary == f"title\nfirst\n{note}"
    decided = json.loads(plan)
    assert decided["notes"] == ["first", note]
    assert decided["generation"]["measured"][0]["shift"] == [1.0, 0.0]
    assert decided["generation"]["steps"] == 4


def test_of_several_each_is_named() -> None:
    two = measured_json(both(torch.cat((answer(), answer())))[1])
    plan, summary = with_measured(*with_measured(PLAN, "", two, 1), two, 2)
    lines = [line.split(":")[0] for line in summary.splitlines() if line]
    places = ("frame 1, result 1", "frame 1, result 2", "frame 2, result 1", "frame 2, result 2")
    assert lines == [f"{MEASURED} of {place}" for place in places]
    assert len(json.loads(plan)["generation"]["measured"]) == 4
