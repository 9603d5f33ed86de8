"""Options of a generative model in a request: what is taken, what is refused, what has no effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.request_graph import request_graph
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.images.encode import EncodeOptions
from multiedit.pipelines.images.facts import ImageFacts, MaskSelection
from multiedit.pipelines.planning.model_options import LoraChoice, ModelOptions
from multiedit.pipelines.planning.plan import make_plan
from multiedit.pipelines.planning.request import EditRequest, parse_request

KLEIN = "flux-2-klein-4b-edit"
ALL = {
    "profile": "flux-2-klein-4b",
    "steps": 6,
    "cfg": 1.5,
    "negative_prompt": "fog",
    "loras": [{"name": "a.safetensors"}, {"name": "b.safetensors", "strength": -0.5}],
    "batch_size": 2,
    "crop_and_stitch": "off",
    "sampling_megapixels": 0.5,
}


def request(limits: Limits | None = None, count: int = 1, **multiedit: Any) -> EditRequest:
    fields = {"prompt": "p", "images": ["aGk="] * count, "modelId": KLEIN, "multiedit": multiedit}
    return parse_request(fields, limits or RequestLimits())


def plan(asked: EditRequest, model: str = KLEIN) -> Any:
    facts = [ImageFacts(800, 600)] * len(asked.images)
    return make_plan(replace(asked, model_id=model), facts, load_catalog(), {model: "flux2"})


def test_every_option_arrives_in_the_plan_and_in_the_graph() -> None:
    asked = request(**ALL)
    loras = (LoraChoice("a.safetensors", 1.0), LoraChoice("b.safetensors", -0.5))
    assert asked.multiedit.options == ModelOptions(**{**ALL, "loras": loras})
    decided = plan(asked)
    assert decided.to_dict()["options"] == {
        **ALL,
        "loras": ({"name": "a.safetensors", "strength": 1.0}, {"name": "b.safetensors", "strength": -0.5}),
    }
    nodes = request_graph(decided, ["a.png"], EncodeOptions(format="png"), "x", load_catalog())
    assert nodes["model"]["inputs"]["model.profile"] == "flux-2-klein-4b"
    assert nodes["lora_1"]["inputs"]["loaded_model"] == ["model", 0]
    assert nodes["lora_2"]["inputs"]["strength_model"] == -0.5
    sampling = {"loaded_model": ["lora_2", 0], "steps": 6, "cfg": 1.5, "negative_prompt": "fog"}
    assert nodes["sampling"]["inputs"] == sampling
    edit = nodes["edit"]["inputs"]
    assert edit["loaded_model"] == ["sampling", 0]
    widgets = [edit[f"model.{name}"] for name in ("batch_size", "crop_and_stitch", "sampling_megapixels")]
    assert widgets == [2, "off", 0.5]


def test_a_request_without_options_has_the_graph_without_them() -> None:
    decided = plan(request())
    nodes = request_graph(decided, ["a.png"], EncodeOptions(format="png"), "x", load_catalog())
    assert nodes["edit"]["inputs"]["loaded_model"] == ["model", 0]
    assert not {"sampling", "lora_1"} & set(nodes)
    assert decided.to_dict()["options"] == {}


def test_options_have_no_effect_on_a_model_that_is_not_sampled() -> None:
    decided = plan(request(steps=6, cfg=2.0), "layer-composite")
    assert decided.options == ModelOptions()
    for name in ("steps", "cfg"):
        assert (
            f"multiedit.{name} has no effect: layer-composite is not sampled on a ComfyUI." in decided.notes
        )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("profile", "", "text of 1 to 200 characters"),
        (
            "steps",
            0,
            "it must be a whole number from 1 to 100, which MULTIEDIT_MAX_STEPS sets.",
        ),
        ("steps", 101, "from 1 to 100"),
        ("steps", 4.0, "a whole number"),
        ("cfg", -1, "a number from 0 to 100"),
        ("cfg", float("nan"), "a number from 0 to 100"),
        ("negative_prompt", 5, "text of 1 to"),
        ("loras", [], "a list of 1 to 8 objects"),
        ("loras", [{"name": "x"}] * 9, "a list of 1 to 8 objects"),
        ("loras", [{"strength": 1}], "multiedit.loras.1.name is missing"),
        ("loras", [{"name": "x", "strength": 11}], "a number from -10 to 10"),
        ("loras", [{"name": "x", "weight": 1}], "Unknown field 'weight' in multiedit.loras.1"),
        ("batch_size", 5, "from 1 to 4"),
        ("crop_and_stitch", True, "one of auto, on, off"),
        ("sampling_megapixels", 0, "from 0.001 to 4"),
        ("step", 4, "Did you mean 'steps'?"),
    ],
)
def test_a_wrong_value_is_refused_with_its_limits(name: str, value: object, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        request(**{name: value})
    assert words in caught.value.message
    assert str(caught.value.field).startswith(f"multiedit.{name}")


@pytest.mark.parametrize("name", ALL)
def test_the_owner_can_switch_the_options_off(name: str) -> None:
    limits = RequestLimits.from_environment({"MULTIEDIT_MODEL_OPTIONS": "off"})
    with pytest.raises(InvalidRequest, match=f"multiedit.{name} is switched off on this server") as caught:
        request(limits, **{name: ALL[name]})
    assert caught.value.field == f"multiedit.{name}"
    assert request(limits, seed=3, keep_size=True).multiedit.seed == 3


def test_more_images_are_numbered_on() -> None:
    asked = request(count=3, images=["aGk="] * 3, roles={"6": "mask"})
    assert len(asked.images) == 6
    assert asked.multiedit.roles == {6: "mask"}


@pytest.mark.parametrize(
    ("images", "more", "words"),
    [
        (3, 8, "multiedit.images has 8 images beside 3 in images; the limit of both is 10. Send fewer."),
        (1, 0, "a list of images"),
        (4, 1, "images has 4 images; the limit is 3."),
    ],
)
def test_too_many_images_are_refused(images: int, more: int, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        request(count=images, images=["aGk="] * more)


def test_more_images_than_the_model_takes_are_refused() -> None:
    with pytest.raises(
        InvalidRequest, match=r"images has 5 images; the limit of flux-2-klein-4b-edit is 4\."
    ):
        plan(request(count=3, images=["aGk="] * 2))


@pytest.mark.parametrize(
    ("model", "selection", "words"),
    [
        (KLEIN, MaskSelection((1.0,), clear=(0.0,)), "selects nothing: it is below 5 of 255 everywhere"),
        (KLEIN, None, "crop_and_stitch is on, but there is no mask"),
        ("layer-composite", MaskSelection((1.0,), clear=(0.0,)), None),
        ("layer-composite", None, None),
    ],
)
def test_what_a_mask_cannot_serve_is_refused_by_the_plan(
    model: str, selection: MaskSelection | None, words: str | None
) -> None:
    """So before an image is uploaded."""
    roles = {"2": "mask"} if selection else {}
    asked = replace(request(count=2, crop_and_stitch="on", roles=roles), model_id=model)
    facts = [ImageFacts(800, 600), ImageFacts(800, 600, selection=selection)]
    if words is None:
        assert make_plan(asked, facts, load_catalog(), {model: "flux2"}).model == model
        return
    with pytest.raises(InvalidRequest, match=words):
        make_plan(asked, facts, load_catalog(), {model: "flux2"})
