from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import ModelUnavailable, UnknownModel, UnsupportedValue
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.facts import ImageFacts, MaskSelection
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL, EditPlan, make_plan
from multiedit.pipelines.planning.request import parse_request

CATALOG = load_catalog()
HERE = {"layer-composite": "layer-composite"}
EVERYWHERE = {model.id: f"adapter of {model.id}" for model in CATALOG}
PHOTO = ImageFacts(4000, 3000)
LIMITS = Limits()


def plan(
    adapters: dict[str, str] = HERE, pictures: int = 2, limits: Limits = LIMITS, **more: Any
) -> EditPlan:
    fields = {"prompt": "add a hat", "images": ["aGk="] * pictures, **more}
    return make_plan(parse_request(fields, limits), [PHOTO] * pictures, CATALOG, adapters)


def test_the_least_request_on_a_bare_machine() -> None:
    made = plan()
    assert made == EditPlan(
        model="layer-composite",
        model_name="Layer Composite",
        adapter="layer-composite",
        prompt="add a hat",
        width=4000,
        height=3000,
        work_width=4000,
        work_height=3000,
        aspect_ratio="4:3",
        resolution="4K",
        keep_size=True,
        roles=("base", "overlay"),
        placements={2: Placement()},
        extension=None,
        output_format="jpeg",
        quality=None,
        seed=0,
        safe_mode=True,
        price_usd=None,
        notes=made.notes,
    )
    for words in (
        "firered-image-edit has open weights", "so layer-composite is used", "does not interpret the prompt",
        "Image 2 is taken as overlay", "resolution is not given: 4K",
        "image 1's own, 4000x3000", "output_format is not given: jpeg", "seed is not given: 0",
    ):  # fmt: skip
        assert sum(words in note for note in made.notes) == 1, words


def test_what_an_image_says_of_itself_is_a_note() -> None:
    request = parse_request({"prompt": "add a hat", "images": ["aGk="]}, LIMITS)
    said = ImageFacts(4000, 3000, notes=("Image 1 has the colours of Display P3: converted to sRGB.",))
    assert said.notes[0] in make_plan(request, [said], CATALOG, HERE).notes


def test_the_same_request_gives_the_same_plan_in_the_same_order() -> None:
    assert json.dumps(plan().to_dict()) == json.dumps(plan().to_dict())
    made = plan(multiedit={"placement": {"2": {"opacity": 0.5}}}).to_dict()
    assert list(made) == [field.name for field in dataclasses.fields(EditPlan)]
    again = json.loads(json.dumps(made))
    assert again["placements"]["2"]["opacity"] == 0.5
    assert again["roles"] == ["base", "overlay"]


def test_a_request_that_says_everything_needs_no_note() -> None:
    extras = {"seed": 7, "roles": {"2": "overlay"}}
    made = plan(
        EVERYWHERE, modelId="nano-banana-2-edit", aspect_ratio="16:9", resolution="2K", output_format="png",
        safe_mode=False, multiedit=extras,
    )  # fmt: skip
    [shape] = made.notes
    assert shape.startswith("Image 1 is recomposed: 25.6 % of its 4000x3000 would not fit into 2752x1536")
    assert (made.width, made.height, made.seed, made.safe_mode) == (2752, 1536, 7, False)
    assert (made.adapter, made.model_name) == ("adapter of nano-banana-2-edit", "Nano Banana 2")


@pytest.mark.parametrize(
    ("fields", "adapter", "share"),
    [
        ({"modelId": "layer-composite"}, "layer-composite", None),
        ({"modelId": "layer-composite", "aspect_ratio": "21:9"}, "layer-composite", "42.9 %"),
        ({"modelId": "layer-composite", "resolution": "1K"}, "layer-composite", None),
        ({"modelId": "qwen-edit", "aspect_ratio": "21:9"}, "qwen-edit", None),
        ({"modelId": "qwen-edit", "aspect_ratio": "21:9", "roles": {"2": "mask"}}, "qwen-edit", "42.9 %"),
        ({"modelId": "qwen-edit", "roles": {"2": "mask"}}, "qwen-edit", None),
        ({"modelId": "qwen-edit", "roles": {"2": "mask"}, "snap_ratio": True}, "qwen-edit", "11.1 %"),
        ({"modelId": "qwen-edit", "roles": {"2": "mask"}}, "provider", "11.1 %"),
        ({"modelId": "mage-flow-edit", "aspect_ratio": "1:1"}, "mage-flow", "25 %"),
        ({"modelId": "qwen-edit", "roles": {"2": "overlay"}}, "qwen-edit", None),
        ({"modelId": "nano-banana-2-edit", "aspect_ratio": "21:9"}, "provider", None),
        ({"modelId": "nano-banana-2-edit", "aspect_ratio": "21:9", "roles": {"2": "mask"}},
         "provider", "43.4 %"),
        ({"modelId": "nano-banana-2-edit", "aspect_ratio": "1:1", "roles": {"2": "overlay"}},
         "provider", "25 %"),
    ],
)  # fmt: skip
def test_what_is_cut_away_from_the_base_is_said(
    fields: dict[str, Any], adapter: str, share: str | None
) -> None:
    own = ("roles", "snap_ratio")
    extras = {name: value for name, value in fields.items() if name in own}
    asked = {name: value for name, value in fields.items() if name not in own}
    made = plan({fields["modelId"]: adapter}, multiedit=extras, **asked)
    cut = [note.partition(" of image 1 is cut away")[0] for note in made.notes if "cut away" in note]
    assert cut == ([share] if share else [])


@pytest.mark.parametrize(
    ("model_id", "roles", "said"),
    [
        ("layer-composite", {}, False),
        ("layer-composite", {"2": "mask"}, True),
        ("layer-composite", {"2": "reference"}, True),
        ("qwen-edit", {"2": "mask"}, False),
    ],
)
def test_an_edit_without_an_overlay_says_that_it_changes_nothing(
    model_id: str, roles: dict[str, str], said: bool
) -> None:
    made = plan(EVERYWHERE, modelId=model_id, multiedit={"roles": roles})
    assert ("No overlay is laid on image 1, so the edit changes nothing in it." in made.notes) is said


@pytest.mark.parametrize(
    "asked",
    [{"aspect_ratio": "16:9"}, {"multiedit": {"extend": {"aspect_ratio": "16:9"}}}],
    ids=["ratio", "extend"],
)
def test_an_edit_of_the_shape_alone_says_so(asked: dict[str, object]) -> None:
    made = plan(EVERYWHERE, modelId="layer-composite", pictures=1, **asked)
    shaped = "No overlay is laid on image 1, so the edit changes its size or shape, and nothing else."
    assert made.notes.count(shaped) == 1
    assert not any("changes nothing" in note for note in made.notes)


@pytest.mark.parametrize("model_id", ["layer-composite", "qwen-edit", "nano-banana-2-edit"])
def test_how_much_a_mask_lets_change_is_said_for_every_model(model_id: str) -> None:
    fields = {
        "prompt": "p",
        "images": ["aGk="] * 2,
        "modelId": model_id,
        "multiedit": {"roles": {"2": "mask"}},
    }
    mask = ImageFacts(4000, 3000, selection=MaskSelection((0.25,), "its white part"))
    made = make_plan(parse_request(fields, LIMITS), [PHOTO, mask], CATALOG, EVERYWHERE)
    assert "The mask lets 25 % of image 1 change: its white part." in made.notes


def test_the_contracts_default_model_is_used_where_it_runs() -> None:
    made = plan(EVERYWHERE)
    assert made.model == DEFAULT_MODEL == "firered-image-edit"
    assert made.notes[0] == "modelId is not given: firered-image-edit is the default."
    assert plan(HERE).model == EMBEDDED_MODEL == "layer-composite"


@pytest.mark.parametrize(
    ("model_id", "words"),
    [
        (
            "nano-banana-pro-edit",
            r"closed: it is served by Google .*MULTIEDIT_PROVIDER_URL and .*can run here: layer-composite\.",
        ),
        ("qwen-edit", r"open weights \(Apache-2.0\).*on ComfyUI only.*can run here: layer-composite\."),
    ],
)
def test_a_model_that_cannot_run_here_says_why_and_what_can(model_id: str, words: str) -> None:
    with pytest.raises(ModelUnavailable, match=words) as caught:
        plan(modelId=model_id)
    assert caught.value.field == "modelId"


def test_with_no_adapter_at_all_nothing_can_run() -> None:
    with pytest.raises(ModelUnavailable, match="can run here: none"):
        plan({})


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownModel, match="'qwen-edit'"):
        plan(modelId="qwen-edit-2")


@pytest.mark.parametrize(
    ("field", "words", "request_fields"),
    [
        ("prompt", "1501 characters; the limit of firered-image-edit is 1500", {"prompt": "x" * 1501}),
        ("images", "4 images; the limit of firered-image-edit is 3", {"pictures": 4}),
        ("aspect_ratio", r"'4:3'\. Supported: auto, 1:1, 3:2", {"aspect_ratio": "4:3"}),
        ("resolution", r"'8K'\. Supported: 1K, 2K", {"resolution": "8K", "modelId": "grok-imagine-edit"}),
    ],
)
def test_what_the_model_does_not_take_is_refused(
    field: str, words: str, request_fields: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedValue, match=words) as caught:
        plan(EVERYWHERE, limits=Limits(max_images=10), **request_fields)
    assert caught.value.field == field


def test_what_a_model_does_not_see_is_not_counted_against_its_images() -> None:
    extras = {"roles": {"3": "overlay", "5": "mask"}}
    decided = plan(EVERYWHERE, limits=Limits(max_images=10), pictures=5, multiedit=extras)
    assert decided.roles == ("base", "reference", "overlay", "reference", "mask")


def test_a_quality_that_the_model_lacks_is_refused() -> None:
    model = dataclasses.replace(
        CATALOG.get("gpt-image-2-edit"), qualities=("low", "medium"), default_quality="low"
    )
    catalog = type(CATALOG)([model])
    request = parse_request({"prompt": "x", "images": ["a"], "modelId": model.id, "quality": "high"}, LIMITS)
    with pytest.raises(UnsupportedValue, match=r"'high'\. Supported: low, medium") as caught:
        make_plan(request, [PHOTO], catalog, EVERYWHERE)
    assert caught.value.field == "quality"


@pytest.mark.parametrize(
    ("model_id", "asked", "quality", "note"),
    [
        ("gpt-image-2-edit", None, "high", "quality is not given: high"),
        ("gpt-image-2-edit", "low", "low", ""),
        ("layer-composite", "low", None, "quality 'low' is dropped"),
        ("layer-composite", None, None, ""),
    ],
)
def test_quality(model_id: str, asked: str | None, quality: str | None, note: str) -> None:
    made = plan(EVERYWHERE, modelId=model_id, **({"quality": asked} if asked else {}))
    assert made.quality == quality
    assert [text for text in made.notes if text.startswith("quality")] == [
        text for text in made.notes if note and note in text
    ]
    assert any(note in text for text in made.notes)


@pytest.mark.parametrize(
    ("request_fields", "output_format"),
    [
        ({}, "jpeg"),
        ({"aspect_ratio": "4:3"}, "png"),
        ({"resolution": "1K"}, "png"),
        ({"resolution": "2K"}, "jpeg"),
        ({"resolution": "4K"}, "jpeg"),
        ({"resolution": "4K", "output_format": "webp"}, "webp"),
        ({"output_format": "jpg"}, "jpeg"),
        ({"multiedit": {"keep_size": True}}, "jpeg"),
        ({"modelId": "firered-image-edit"}, "png"),
        ({"modelId": "firered-image-edit", "resolution": "4K"}, "png"),
    ],
)
def test_the_format_follows_the_effective_tier(request_fields: dict[str, Any], output_format: str) -> None:
    assert plan(EVERYWHERE, **{"modelId": "layer-composite", **request_fields}).output_format == output_format


def test_keep_size_has_the_first_images_size() -> None:
    made = plan(multiedit={"keep_size": True})
    assert (made.width, made.height, made.work_width, made.work_height) == (4000, 3000, 4000, 3000)
    fitted = plan(EVERYWHERE, modelId="qwen-edit", multiedit={"keep_size": True})
    assert (fitted.width, fitted.height) == (4000, 3000)
    assert (fitted.work_width, fitted.work_height) == (1184, 896)


@pytest.mark.parametrize(
    ("request_fields", "usd"),
    [
        ({"modelId": "layer-composite"}, None),
        ({"modelId": "firered-image-edit"}, None),
        ({"modelId": "gpt-image-2-edit", "resolution": "2K", "quality": "medium"}, 0.14 + 0.0092),
        ({"modelId": "grok-imagine-edit", "resolution": "2K"}, 0.04 + 2 * 0.0023),
    ],
)
def test_the_price_is_an_estimate_for_what_runs_elsewhere(
    request_fields: dict[str, Any], usd: float | None
) -> None:
    closed = {model.id: "provider" for model in CATALOG if model.weights == "closed"}
    assert plan({**EVERYWHERE, **closed}, **request_fields).price_usd == pytest.approx(usd)
    assert plan(EVERYWHERE, **request_fields).price_usd is None


def test_what_costs_money_is_never_the_default() -> None:
    assert plan({**EVERYWHERE, DEFAULT_MODEL: "provider"}).model == EMBEDDED_MODEL
    asked = plan({**EVERYWHERE, DEFAULT_MODEL: "provider"}, modelId=DEFAULT_MODEL)
    assert (asked.adapter, asked.price_usd) == ("provider", 0.04)


def test_a_hosted_plan_says_what_is_sent_and_at_which_size() -> None:
    extras = {"seed": 7, "roles": {"2": "overlay", "3": "mask"}}
    fields = {"prompt": "p", "images": ["aGk="] * 3, "modelId": "flux-2-max-edit", "multiedit": extras}
    large, small = ImageFacts(10_000, 8_000), ImageFacts(32, 20)
    made = make_plan(
        parse_request(fields, LIMITS), [large, PHOTO, small], CATALOG, {"flux-2-max-edit": "provider"}
    )
    assert made.price_usd == pytest.approx(0.12 + 0.0345)
    for words in (
        "2 of 3 images are sent", "about 0.1545 USD", "Black Forest Labs", "seed 7 is dropped",
        "Image 1 is 10000x8000 and is sent as 6439x5151", "Image 3 is 32x20 and is sent as 324x203",
    ):  # fmt: skip
        assert sum(words in note for note in made.notes) == 1, words


def test_planning_imports_no_torch_numpy_pillow_or_aiohttp() -> None:
    heavy = "{'torch', 'numpy', 'PIL', 'aiohttp'}"
    code = f"import sys, multiedit.pipelines.planning.plan;print({heavy} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert (run.stdout, run.stderr) == ("set()\n", "")


@pytest.mark.parametrize(
    ("overlay", "placement", "told"),
    [
        ((48, 32), {}, "Image 2 is enlarged 12.5 times, from 48x32 to 600x400"),
        ((48, 32), {"fit": "none", "scale": 2}, "Image 2 is enlarged 2 times, from 48x32 to 96x64"),
        ((48, 32), {"fit": "none"}, None),
        ((48, 32), {"visible": False}, None),
        ((450, 300), {}, None),
    ],
)
def test_an_overlay_that_is_much_enlarged_is_noted(
    overlay: tuple[int, int], placement: dict[str, Any], told: str | None
) -> None:
    fields = {"prompt": "p", "images": ["aGk="] * 2, "multiedit": {"placement": {"2": placement}}}
    facts = [ImageFacts(600, 400), ImageFacts(*overlay)]
    made = make_plan(parse_request(fields, LIMITS), facts, CATALOG, HERE)
    found = [note for note in made.notes if "enlarged" in note]
    assert [note.startswith(told or "") for note in found] == ([True] if told else [])
