"""Multi-Edit in ComfyUI's executor."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

MODEL = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"}


def edit(graph: Any, *images: torch.Tensor, **inputs: Any) -> list[Any]:
    named = {f"image_{number}": image for number, image in enumerate(images, start=1)}
    inputs = {**MODEL, "prompt": "p", "seed": 0, "keep_size": True, **named, **inputs}
    return graph.run("MultiEditEdit", **inputs)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("channels", [3, 4])
def test_batches_and_alpha(graph: Any, frames: int, channels: int) -> None:
    base = torch.rand(frames, 40, 60, channels)
    image, plan, summary = edit(graph, base, torch.rand(1, 20, 20, channels), opacity=0.5)
    assert image.shape == (frames, 40, 60, channels)
    assert json.loads(plan)["placements"]["2"]["opacity"] == 0.5
    assert summary.startswith("Layer Composite: 60 x 40 pixels")


def test_the_mask_says_where_the_base_may_change(graph: Any) -> None:
    base, overlay = torch.zeros(1, 40, 60, 3), torch.ones(1, 40, 60, 3)
    mask = torch.zeros(1, 20, 30)
    mask[..., :15] = 1.0
    image, *_ = edit(graph, base, overlay, mask=mask)
    assert (image[0, :, :28] > 0.99).all()
    assert not image[0, :, 32:].any()


def test_the_empty_mask_of_load_image_is_no_mask(graph: Any) -> None:
    base, overlay = torch.zeros(1, 80, 80, 3), torch.rand(1, 80, 80, 3)
    image, plan, summary = edit(graph, base, overlay, mask=torch.zeros(1, 64, 64))
    assert image.any()
    assert "mask is not used" in summary
    assert "mask" not in json.loads(plan)["roles"]


def test_a_mask_that_selects_nothing_is_an_error_on_the_node(graph: Any) -> None:
    images = torch.zeros(1, 64, 64, 3), torch.ones(1, 64, 64, 3)
    with pytest.raises(graph.Failed, match="The mask selects nothing"):
        edit(graph, *images, mask=torch.zeros(1, 64, 64))


def test_without_a_size_the_result_has_the_bases(graph: Any) -> None:
    image, plan, summary = edit(graph, torch.rand(1, 41, 61, 3), torch.rand(1, 9, 9, 3), keep_size=False)
    assert image.shape == (1, 41, 61, 3)
    assert json.loads(plan)["keep_size"] is True
    assert "image 1's own, 61x41" in summary


@pytest.mark.parametrize("value", [0.99610895, 1.0])
def test_the_white_of_a_grey_png_leaves_no_ghost_of_the_base(graph: Any, value: float) -> None:
    base, overlay = torch.ones(1, 64, 64, 3), torch.zeros(1, 64, 64, 3)
    mask = torch.full((1, 64, 64), value)
    image, *_ = edit(graph, base, overlay, mask=mask)
    assert not image.any()


def half_white(frames: int = 1, height: int = 40, width: int = 60) -> torch.Tensor:
    half = torch.zeros(frames, height, width, 3)
    half[:, :, : width // 2] = 1.0
    return half


OVERLAY = torch.full((1, 40, 60, 3), 0.5)
FADING_IN = torch.cat((torch.zeros(1, 40, 60, 3), torch.rand(2, 40, 60, 3)))
OVERLAID = '{"2": {"role": "overlay"}}'


@pytest.mark.parametrize(
    ("black_and_white", "others", "given", "is_mask"),
    [
        (half_white(), (OVERLAY,), "", True),
        (half_white(3), (OVERLAY,), "", True),
        (half_white(), (OVERLAY,), OVERLAID, False),
        (half_white(), (OVERLAY,), '{"2": {"opacity": 1.0}}', False),
        (half_white(), (OVERLAY,), '{"3": {"role": "reference"}}', False),
        (half_white(), (), "", False),  # as a mask it would change nothing: a logo or a drawing
        (half_white(height=20, width=30), (OVERLAY,), "", False),
        (FADING_IN, (OVERLAY,), "", False),
    ],
    ids=["one", "three frames", "said", "placed", "nothing laid on", "alone", "smaller", "fading in"],
)
def test_a_black_and_white_image_is_the_mask_by_the_command_lines_rule(
    graph: Any, black_and_white: torch.Tensor, others: tuple[torch.Tensor, ...], given: str, is_mask: bool
) -> None:
    _, plan, summary = edit(graph, torch.zeros(1, 40, 60, 3), black_and_white, *others, per_image=given)
    assert ("mask" in json.loads(plan)["roles"]) is is_mask
    assert ("Image 2 is taken as mask" in summary) is is_mask


@pytest.mark.parametrize("given", ["", OVERLAID])
def test_outside_the_mask_the_base_stays(graph: Any, given: str) -> None:
    image, *_ = edit(graph, torch.zeros(1, 40, 60, 3), half_white(), OVERLAY, per_image=given)
    assert (image[0, :, :28] > 0.4).all()
    assert bool((image[0, :, 32:] > 0.4).all()) is bool(given)


def test_an_overlay_keeps_its_own_alpha(graph: Any) -> None:
    base, logo = torch.full((1, 90, 120, 3), 0.5), torch.zeros(1, 90, 120, 4)
    logo[:, 30:60, 40:80] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    image, *_ = edit(graph, base, logo)
    assert image.shape[3] == 3
    torch.testing.assert_close(image[0, :28], base[0, :28], atol=1e-4, rtol=0)
    assert (image[0, 40:50, 50:70, 0] > 0.99).all()


def test_a_removed_image_leaves_the_others_where_they_were(graph: Any) -> None:
    base, last = torch.rand(1, 40, 60, 3), torch.rand(1, 9, 9, 3)
    _, plan, _ = graph.run(
        "MultiEditEdit",
        **MODEL,
        prompt="p",
        seed=0,
        image_1=base,
        image_8=last,
        per_image='{"8": {"scale": 0.5}}',
    )
    assert json.loads(plan)["placements"]["2"]["scale"] == 0.5


def test_an_image_that_is_missing_upstream_is_left_out(graph: Any) -> None:
    _, plan, _ = edit(graph, torch.rand(1, 40, 60, 3), None, torch.rand(1, 9, 9, 3))
    assert json.loads(plan)["roles"] == ["base", "overlay"]


def test_per_image_speaks_of_sockets(graph: Any) -> None:
    images = torch.rand(1, 40, 60, 3), None, torch.rand(1, 9, 9, 3)
    _, plan, _ = edit(graph, *images, per_image='{"2": {"opacity": 0.2}, "3": {"opacity": 0.3}}')
    assert {number: entry["opacity"] for number, entry in json.loads(plan)["placements"].items()} == {
        "2": 0.3
    }


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"model.aspect_ratio": "1:1"}, "keep_size asks for the first image's size"),
        ({"image_2": torch.rand(3, 9, 9, 3)}, "image 1 has 2 frames beside 3"),
        ({"model": "no-such-model"}, "must be an option of this node: layer-composite, from loader"),
        ({"model.aspect_ratio": "7:1"}, "value_not_in_list"),
        ({"scale": 0.0}, "value_smaller_than_min"),
        ({"per_image": '{"2": {"opacity": 0.2}}'}, "image_2 is not connected"),
    ],
)
def test_what_cannot_be_is_an_error_on_the_node(graph: Any, inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(graph.Failed, match=words):
        edit(graph, torch.rand(2, 40, 60, 3), **inputs)


def test_the_base_is_required(graph: Any) -> None:
    with pytest.raises(graph.Failed, match="required_input_missing"):
        edit(graph)


def test_inputs_are_judged_where_the_owner_wants_it(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from multiedit.pipelines.safety.classifiers import loader
    from multiedit.tests.support.classifiers import fixed

    scores = {"value": 0.1}
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: fixed(scores["value"]))
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setenv("MULTIEDIT_SAFETY_INPUTS", "true")
    model = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"}
    inputs = {"prompt": "p", "seed": 0, "image_1": torch.rand(1, 8, 8, 3), **model}
    graph.run("MultiEditEdit", **inputs)
    scores["value"] = 0.9
    with pytest.raises(graph.Failed, match="Safe mode refuses image_1: it was classified as adult"):
        graph.run("MultiEditEdit", **inputs)
    monkeypatch.delenv("MULTIEDIT_SAFETY_INPUTS")
    graph.run("MultiEditEdit", **inputs)
