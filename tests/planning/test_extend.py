"""The plan of an edit that extends image 1."""

from __future__ import annotations

from typing import Any

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import RequestLimits
from multiedit.pipelines.images.facts import ImageFacts
from multiedit.pipelines.layers.extension import Extension
from multiedit.pipelines.planning.plan import EditPlan, make_plan
from multiedit.pipelines.planning.request import parse_request

LIMITS = RequestLimits()
ADAPTERS = {
    "layer-composite": "layer-composite",
    "qwen-edit": "qwen-edit",
    "flux-1-fill-dev": "flux-fill",
    "nano-banana-2-edit": "provider",
}
PHOTO = ImageFacts(4000, 3000)


def plan(model: str, images: int = 1, extend: Any = None, **fields: Any) -> EditPlan:
    extras = {"extend": {"right": "25%"} if extend is None else extend, **fields.pop("multiedit", {})}
    asked = {"prompt": "p", "images": ["aGk="] * images, "modelId": model, "multiedit": extras, **fields}
    return make_plan(parse_request(asked, LIMITS), [PHOTO] * images, load_catalog(), ADAPTERS, LIMITS)


@pytest.mark.parametrize(
    ("model", "roles", "fill", "maker"),
    [
        ("layer-composite", ("base",), "blur", "filled with blur"),
        ("qwen-edit", ("base", "mask"), "auto", "qwen-edit makes it"),
        ("flux-1-fill-dev", ("base", "mask"), "auto", "flux-1-fill-dev makes it"),
        ("nano-banana-2-edit", ("base", "mask"), "blur", "nano-banana-2-edit makes it"),
    ],
)
def test_the_result_has_the_extended_size_and_a_model_the_mask_of_what_is_new(
    model: str, roles: tuple[str, ...], fill: str, maker: str
) -> None:
    made = plan(model)
    assert made.extension == Extension(0, 0, 1000, 0, 4000, 3000, fill)
    assert (made.width, made.height, made.keep_size, made.roles) == (5000, 3000, True, roles)
    [note] = [note for note in made.notes if note.startswith("Image 1 is extended")]
    assert note == (
        "Image 1 is extended (1000 px right) from 4000x3000 to 5000x3000. 20 % of the result is new, "
        f"{maker}; the rest is image 1."
    )
    assert not any("cut away" in each or "recomposed" in each for each in made.notes)
    assert made.to_dict()["extension"]["right"] == 1000  # type: ignore[index]


def test_a_mask_of_the_request_stays_the_mask_and_a_fill_that_is_named_is_taken() -> None:
    made = plan("qwen-edit", 2, {"left": 10, "fill": "mirror"}, multiedit={"roles": {"2": "mask"}})
    assert made.roles == ("base", "mask")
    assert made.extension is not None
    assert made.extension.fill == "mirror"


def test_a_tier_is_what_is_sampled_and_not_the_results_size() -> None:
    catalog = load_catalog()
    asked = {"prompt": "p", "images": ["aGk="], "resolution": "2K", "modelId": "flux-2-klein-4b-edit"}
    request = parse_request({**asked, "multiedit": {"extend": {"aspect_ratio": "1:1"}}}, LIMITS)
    made = make_plan(request, [PHOTO], catalog, {"flux-2-klein-4b-edit": "flux2"}, LIMITS)
    assert (made.width, made.height) == (4000, 4000)
    assert (made.work_width, made.work_height) == (2048, 2048)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"aspect_ratio": "1:1"}, "multiedit.extend gives the result its shape, and aspect_ratio another"),
        ({"multiedit": {"snap_ratio": True}}, "and multiedit.snap_ratio another one"),
        ({"extend": {"left": 13_000}}, "17000x3000; the limit is 16384 px a side"),
    ],
)
def test_what_contradicts_an_extension_is_refused(fields: dict[str, Any], words: str) -> None:
    for model in ADAPTERS:
        with pytest.raises(InvalidRequest, match=words) as caught:
            plan(model, **fields)
        assert caught.value.field == "multiedit.extend"


def test_the_mask_that_a_provider_is_sent_counts_as_an_image() -> None:
    assert "2 of 1 images" not in " ".join(plan("nano-banana-2-edit").notes)
