"""Extend Image, and the input of Multi-Edit for the same, in ComfyUI's executor."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

COMPOSITE = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"}
MIRROR = {"fill": "mirror"}


def sides(unit: str = "pixels", **given: int) -> dict[str, Any]:
    named = {f"extend.{side}": given.get(side, 0) for side in ("left", "top", "right", "bottom")}
    return {"extend": "sides", **named, "extend.unit": unit}


def test_an_image_is_extended_by_sides_with_the_mask_of_what_is_new(graph: Any) -> None:
    image = torch.rand(2, 40, 60, 4)
    extended, mask = graph.run("MultiEditExtend", image=image, **sides(left=6, bottom=10), **MIRROR)
    assert extended.shape == (2, 50, 66, 4)
    assert torch.equal(extended[:, :40, 6:], image)
    assert mask.shape == (2, 50, 66)
    assert not mask[:, :40, 6:].any()
    assert mask[:, 40:].min() == mask[:, :, :6].min() == 1
    assert graph.ui["node"]["text"] == ["66 x 50 pixels"]


def test_an_image_is_extended_to_a_ratio_with_a_colour(graph: Any) -> None:
    asked = {"extend": "aspect_ratio", "extend.aspect_ratio": "2:1", "extend.anchor": "left"}
    fill = {"fill": "color", "fill.color": "#ff0000"}
    extended, _ = graph.run("MultiEditExtend", image=torch.zeros(1, 40, 60, 3), **asked, **fill)
    assert extended.shape == (1, 40, 80, 3)
    assert torch.equal(extended[0, 5, 60], torch.tensor([1.0, 0.0, 0.0]))


@pytest.mark.parametrize("size", [(64, 64), (20, 30)])
def test_a_mask_of_the_image_stays_and_the_empty_one_is_none(graph: Any, size: tuple[int, int]) -> None:
    given = torch.full((1, *size), 0.0 if size == (64, 64) else 1.0)
    image = torch.rand(1, 40, 60, 3)
    mask = graph.run("MultiEditExtend", image=image, mask=given, **sides("percent", right=50), **MIRROR)[1]
    assert mask.shape == (1, 40, 90)
    assert mask[:, :, :60].mean() == given.mean()


@pytest.mark.parametrize(
    ("asked", "words"),
    [(sides(), "adds nothing"), (sides(left=65_535), "65595x40; the limit is 65535 px a side")],
)
def test_nothing_and_too_much_are_errors_on_the_node(graph: Any, asked: Any, words: str) -> None:
    with pytest.raises(graph.Failed, match=words):
        graph.run("MultiEditExtend", image=torch.zeros(1, 40, 60, 3), **asked, **MIRROR)


class Number:
    """A number that comes over a link, which no widget bounds."""

    RETURN_TYPES = ("INT",)
    FUNCTION = "give"
    CATEGORY = "test"

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"text": ("STRING", {})}}

    def give(self, text: str) -> tuple[int]:
        return (int(text),)


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [
        ("pixels", -20, "extend.left is -20; it must be a whole number from 0"),
        ("percent", -20, "extend.left is '-20%'; it must be"),
        ("percent", 5000, "extend.left is '5000%'.*up to 1000%"),
    ],
)
def test_a_linked_side_has_the_range_of_the_text(
    graph: Any, comfyui: Any, monkeypatch: pytest.MonkeyPatch, unit: str, value: int, words: str
) -> None:
    monkeypatch.setitem(comfyui.NODE_CLASS_MAPPINGS, "TestNumber", Number)
    prompt = graph.prompt("MultiEditExtend", image=torch.zeros(1, 40, 60, 3), **sides(unit), **MIRROR)
    prompt["number"] = {"class_type": "TestNumber", "inputs": {"text": str(value)}}
    prompt["node"]["inputs"]["extend.left"] = ["number", 0]
    with pytest.raises(graph.Failed, match=words):
        graph.queue(prompt)


def test_multi_edit_extends_by_its_own_input(graph: Any) -> None:
    image = torch.rand(1, 40, 60, 3)
    inputs = {**COMPOSITE, "prompt": "p", "seed": 0, "image_1": image}
    edited, plan, summary = graph.run("MultiEditEdit", **inputs, extend="left=10%, fill=#0000ff")
    assert edited.shape == (1, 40, 66, 3)
    assert torch.equal(edited[:, :, 6:], image)
    assert json.loads(plan)["extension"]["left"] == 6
    assert "Image 1 is extended (6 px left)" in summary


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"extend": "left"}, "extend has 'left'; it must be such as"),
        ({"extend": "left=1,lef=2"}, "Unknown field 'lef' in extend"),
        ({"extend": "left=65535"}, "the limit is 65535 px a side"),
        ({"extend": "2:1", "model.aspect_ratio": "1:1"}, "gives the result its shape"),
    ],
)
def test_what_multi_edit_cannot_extend_is_an_error_on_it(graph: Any, inputs: Any, words: str) -> None:
    image = torch.rand(1, 40, 60, 3)
    with pytest.raises(graph.Failed, match=words):
        graph.run("MultiEditEdit", **{**COMPOSITE, "prompt": "p", "seed": 0, "image_1": image, **inputs})
