"""The nodes of an edit inside a mask, in ComfyUI's executor: lists, frames, and what they say."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from multiedit.tests.support.photographs import HEIGHT, WIDTH, photograph

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

BASE = photograph()[None]
MASK = torch.zeros(1, HEIGHT, WIDTH)
MASK[:, 160:230, 200:300] = 1.0
FIRST = {"item": 0, "frame": 0}
FIT = {"size": [WIDTH, HEIGHT], "canvas": [WIDTH, HEIGHT]}


def finish(graph: Any, image: torch.Tensor, **options: Any) -> list[Any]:
    size = {"width": WIDTH, "height": HEIGHT}
    return graph.run(
        "MultiEditFinish", image=image, base=BASE, mask=MASK, fit=FIT, **size, **FIRST, **options
    )


def test_a_shifted_and_tinted_output_is_finished_as_it_should_have_been(graph: Any) -> None:
    drawn = photograph()
    drawn[180:210, 230:270] = 0.9
    made, measured = finish(graph, (drawn.roll((1, 2), (0, 1)) + 0.02).clamp(0, 1)[None])
    expected, plain = finish(graph, drawn[None])
    assert (made - expected)[:, 180:210, 230:270].abs().max() < 0.5 / 255
    assert (made - expected).abs().mean() < 0.1 / 255
    assert torch.equal(made[0][MASK[0] == 0], BASE[0][MASK[0] == 0])
    assert json.loads(measured)[0]["shift"] == [2, 1]
    assert json.loads(plain)[0]["note"] == "no shift; the colours are image 1's"


def test_what_is_switched_off_is_left(graph: Any) -> None:
    shifted = photograph(2, 1)[None]
    made, measured = finish(graph, shifted, color_match=False, align=False, feather=0)
    assert measured == "[]"
    assert torch.equal(made[0][MASK[0] == 1], shifted[0][MASK[0] == 1])


def test_a_mask_is_grown_for_the_frame_it_is_of(graph: Any) -> None:
    masks = torch.zeros(2, 40, 60)
    masks[1, 20, 30] = 1.0
    size = {"width": 60, "height": 40, "grow": 5, "item": 0, "frame": 1}
    (made,) = graph.run("MultiEditGrowMask", image=torch.rand(1, 40, 60, 3), mask=masks, **size)
    assert made.shape == (1, 40, 60)
    assert made.sum() == 121


@pytest.mark.parametrize("fill", ["keep", "blur", "neutral", "green"])
def test_the_base_is_filled_for_the_model(graph: Any, fill: str) -> None:
    (made,) = graph.run("MultiEditFill", image=BASE, mask=MASK, fill=fill, **FIRST)
    assert torch.equal(made[0][MASK[0] == 0], BASE[0][MASK[0] == 0])
    assert torch.equal(made, BASE) is (fill == "keep")


def test_a_report_has_what_was_measured(graph: Any) -> None:
    plan = json.dumps({"notes": [], "generation": {}})
    measured = json.dumps([{"note": "no shift", "shift": [0, 0]}])
    made, summary = graph.run("MultiEditReport", plan=plan, summary="title", measured=measured, frame=2)
    assert summary == "title\nMeasured outside the mask of frame 2: no shift."
    assert json.loads(made)["generation"]["measured"] == [{"note": "no shift", "shift": [0, 0]}]


def test_the_widgets_of_a_mask_are_read(comfyui: Any) -> None:
    from multiedit.nodes.mask_inputs import mask_inputs, read_mask_options
    from multiedit.pipelines.common.errors import InvalidRequest
    from multiedit.pipelines.planning.mask_options import MASK_READERS, MaskOptions

    defaults = {
        given.id: given.default if given.default is not None else given.options[0] for given in mask_inputs()
    }
    assert list(defaults) == list(MASK_READERS)
    assert read_mask_options(defaults) == read_mask_options({}) == MaskOptions()
    assert read_mask_options(dict.fromkeys(MASK_READERS)) == MaskOptions()
    given = {
        "mask_grow": 8, "mask_feather": 0, "mask_pull_in": 2, "mask_context": 2.5, "mask_fill": "green",
        "mask_color_match": False, "mask_align": False,
    }  # fmt: skip
    assert read_mask_options(given) == MaskOptions(8, 0, 2, 2.5, "green", False, False)
    with pytest.raises(InvalidRequest, match="mask_context is"):
        read_mask_options({"mask_context": 0.5})
