from __future__ import annotations

import contextlib
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import InvalidRequest, MultiEditError
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.planning.mask_options import MaskOptions
from multiedit.pipelines.planning.request import EditRequest, Extras, parse_request
from multiedit.pipelines.sources.source import BytesSource, FileSource, TextSource

LIMITS = RequestLimits()
NO = object()  # leaves a field out


def request(**changes: Any) -> EditRequest:
    fields = {"prompt": "add a hat", "images": ["aGk=", "aGk="], **changes}
    return parse_request({name: value for name, value in fields.items() if value is not NO}, LIMITS)


def refused(**changes: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        request(**changes)
    assert len(caught.value.message) < 600
    return caught.value


def test_the_least_request_has_the_contracts_defaults() -> None:
    assert request(images=["aGk="]) == EditRequest(
        prompt="add a hat",
        images=(TextSource("aGk="),),
        model_id=None,
        aspect_ratio=None,
        resolution=None,
        output_format=None,
        quality=None,
        safe_mode=True,
        multiedit=Extras(seed=None, roles={}, placement={}, keep_size=False),
    )


def test_every_field_arrives() -> None:
    placed = {
        "fit": "cover", "anchor": "top-left", "offset_x": -5, "offset_y": 2.5, "scale": 0.5, "rotation": 90,
        "flip_h": True, "flip_v": True, "opacity": 0, "blend_mode": "multiply", "seamless": True,
        "z": -3, "visible": False,
    }  # fmt: skip
    fields = {
        "prompt": "p", "images": ["https://example.com/a.png", "aGk="], "modelId": "layer-composite",
        "aspect_ratio": "16:9", "resolution": "2K", "output_format": "webp", "quality": "low",
        "safe_mode": False,
        "multiedit": {
            "seed": 2**64 - 1, "roles": {"2": "overlay", "1": "base"}, "placement": {"2": placed},
            "keep_size": True,
            "mask_grow": 8, "mask_feather": 0, "mask_pull_in": 2, "mask_context": 2, "mask_fill": "blur",
            "mask_color_match": False, "mask_align": False,
        },
    }  # fmt: skip
    assert parse_request(json.loads(json.dumps(fields)), LIMITS) == EditRequest(
        prompt="p",
        images=(TextSource("https://example.com/a.png"), TextSource("aGk=")),
        model_id="layer-composite",
        aspect_ratio="16:9",
        resolution="2K",
        output_format="webp",
        quality="low",
        safe_mode=False,
        multiedit=Extras(
            seed=2**64 - 1,
            roles={1: "base", 2: "overlay"},
            placement={2: Placement(**placed)},
            keep_size=True,
            mask_options=MaskOptions(8, 0, 2, 2.0, "blur", False, False),
        ),
    )


def test_an_empty_model_is_as_if_not_given() -> None:
    assert parse_request({"prompt": "p", "images": ["aGk="], "modelId": ""}, LIMITS).model_id is None


def test_sources_pass_as_they_are() -> None:
    sources = [FileSource("a.png"), BytesSource(b"x"), TextSource("aGk=")]
    assert request(images=sources).images == tuple(sources)


@pytest.mark.parametrize(
    ("sent", "meant"), [("jpeg", "jpeg"), ("jpg", "jpeg"), ("png", "png"), ("webp", "webp")]
)
def test_jpg_is_jpeg(sent: str, meant: str) -> None:
    assert request(output_format=sent).output_format == meant


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("prompt", NO), ("prompt", ""), ("prompt", None), ("prompt", 3), ("prompt", "x" * 32769),
        ("prompt", "half \ud83d of a pair"),
        ("images", NO), ("images", []), ("images", "aGk="), ("images", {"1": "aGk="}), ("images", None),
        ("images", ["aGk="] * 4),
        ("modelId", " " * 101), ("modelId", 1), ("modelId", None), ("modelId", "x" * 101),
        ("aspect_ratio", ""), ("aspect_ratio", 1.5), ("aspect_ratio", "16:9" * 3),
        ("resolution", ""), ("resolution", 2048), ("resolution", "x" * 11),
        ("output_format", "gif"), ("output_format", "PNG"), ("output_format", None),
        ("output_format", ["png"]),
        ("quality", "ultra"), ("quality", 1), ("quality", ""),
        ("safe_mode", "false"), ("safe_mode", 0), ("safe_mode", None),
        ("multiedit", []), ("multiedit", "seed"), ("multiedit", None),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_field(field: str, value: object) -> None:
    assert refused(**{field: value}).field == field


@pytest.mark.parametrize(
    ("extras", "field"),
    [
        ({"seed": -1}, "multiedit.seed"),
        ({"seed": 2**64}, "multiedit.seed"),
        ({"seed": 10**5000}, "multiedit.seed"),
        ({"seed": 1.0}, "multiedit.seed"),
        ({"seed": True}, "multiedit.seed"),
        ({"keep_size": 1}, "multiedit.keep_size"),
        ({"mask_grow": -1}, "multiedit.mask_grow"),
        ({"mask_grow": 513}, "multiedit.mask_grow"),
        ({"mask_feather": 10**6}, "multiedit.mask_feather"),
        ({"mask_feather": 1.5}, "multiedit.mask_feather"),
        ({"mask_pull_in": -1}, "multiedit.mask_pull_in"),
        ({"mask_context": 0.9}, "multiedit.mask_context"),
        ({"mask_context": math.nan}, "multiedit.mask_context"),
        ({"mask_fill": "red"}, "multiedit.mask_fill"),
        ({"mask_color_match": 1}, "multiedit.mask_color_match"),
        ({"mask_align": "off"}, "multiedit.mask_align"),
        ({"roles": ["base"]}, "multiedit.roles"),
        ({"roles": {"2": "layer"}}, "multiedit.roles.2"),
        ({"roles": {"2": ["mask"]}}, "multiedit.roles.2"),
        ({"roles": {"0": "base"}}, "multiedit.roles"),
        ({"roles": {"02": "mask"}}, "multiedit.roles"),
        ({"roles": {"3": "mask"}}, "multiedit.roles"),
        ({"placement": {"3": {}}}, "multiedit.placement"),
        ({"placement": {"2": []}}, "multiedit.placement.2"),
        ({"placement": {"2": {"opacity": 1.01}}}, "multiedit.placement.2.opacity"),
        ({"placement": {"2": {"opacity": math.nan}}}, "multiedit.placement.2.opacity"),
        ({"placement": {"2": {"opacity": True}}}, "multiedit.placement.2.opacity"),
        ({"placement": {"2": {"scale": 0}}}, "multiedit.placement.2.scale"),
        ({"placement": {"2": {"scale": 10**400}}}, "multiedit.placement.2.scale"),
        ({"placement": {"2": {"rotation": math.inf}}}, "multiedit.placement.2.rotation"),
        ({"placement": {"2": {"offset_x": -16385}}}, "multiedit.placement.2.offset_x"),
        ({"placement": {"2": {"fit": "fill"}}}, "multiedit.placement.2.fit"),
        ({"placement": {"2": {"anchor": "middle"}}}, "multiedit.placement.2.anchor"),
        ({"placement": {"2": {"blend_mode": "dissolve"}}}, "multiedit.placement.2.blend_mode"),
        ({"placement": {"2": {"flip_h": "yes"}}}, "multiedit.placement.2.flip_h"),
    ],
)
def test_a_wrong_extra_is_refused_with_its_path(extras: dict[str, object], field: str) -> None:
    assert refused(multiedit=extras).field == field


@pytest.mark.parametrize("value", [None, 7, ["aGk="], {"url": "x"}, b"raw"])
def test_an_image_that_is_no_text_is_refused_with_its_number(value: object) -> None:
    assert refused(images=["aGk=", value]).field == "images.2"


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"model": "qwen-edit"}, "model", "'modelId'"),
        ({"aspectRatio": "1:1"}, "aspectRatio", "'aspect_ratio'"),
        ({"format": "png"}, "format", "'output_format'"),
        ({"multiedit": {"sead": 1}}, "multiedit.sead", "'seed'"),
        ({"multiedit": {"placement": {"2": {"opacty": 1}}}}, "multiedit.placement.2.opacty", "'opacity'"),
    ],
)
def test_an_unknown_field_names_the_nearest_known_one(changes: dict[str, Any], field: str, hint: str) -> None:
    error = refused(**changes)
    assert error.field == field
    assert f"Did you mean {hint}?" in error.message
    assert "Known:" in error.message


def test_an_unknown_field_like_no_other_lists_what_is_known() -> None:
    error = refused(zzz=1)
    assert "Did you mean" not in error.message
    assert (
        "prompt, images, modelId, aspect_ratio, resolution, output_format, quality, safe_mode, multiedit"
        in (error.message)
    )


@pytest.mark.parametrize("body", [None, [], "text", 1, True, [{"prompt": "x"}]])
def test_a_body_that_is_no_object_is_refused(body: object) -> None:
    with pytest.raises(InvalidRequest, match="an object"):
        parse_request(body, LIMITS)


def test_problems_are_reported_in_a_fixed_order() -> None:
    wrong = {"safe_mode": 1, "quality": 1, "images": [], "prompt": ""}
    assert refused(**wrong, multiedit=1, unknown=1).field == "unknown"
    assert refused(**wrong, multiedit=1).field == "prompt"
    assert refused(**{**wrong, "prompt": "x"}).field == "images"
    assert refused(**{**wrong, "prompt": "x", "images": ["aGk="]}).field == "quality"


def test_the_limits_are_the_callers() -> None:
    tight = Limits(max_images=1, max_prompt_characters=3)
    with pytest.raises(InvalidRequest, match="the limit is 1"):
        parse_request({"prompt": "abc", "images": ["a", "b"]}, tight)
    with pytest.raises(InvalidRequest, match="4 characters; the limit is 3"):
        parse_request({"prompt": "abcd", "images": ["a"]}, tight)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
names = ["prompt", "images", "modelId", "aspect_ratio", "resolution", "output_format", "quality", "safe_mode"]
extras = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("seed", "keep_size"), json_values) | {
        "roles": st.dictionaries(st.sampled_from(["1", "2", "9"]), json_values),
        "placement": st.dictionaries(
            st.sampled_from(["1", "2"]),
            st.dictionaries(st.sampled_from(["fit", "opacity", "scale", "flip_v", "other"]), json_values),
        ),
    },
)  # fmt: skip
near_requests = st.fixed_dictionaries(
    {"prompt": st.just("x") | json_values, "images": st.just(["a", "b"]) | json_values},
    optional=dict.fromkeys(names[2:], json_values) | {"multiedit": extras | json_values},
)


@settings(max_examples=300, deadline=None)
@given(json_values | near_requests)
def test_any_json_is_a_request_or_an_error_of_the_tree(body: object) -> None:
    with contextlib.suppress(MultiEditError):
        assert isinstance(parse_request(body, LIMITS), EditRequest)


@settings(deadline=None)
@given(st.text(max_size=100), json_values)
def test_whatever_is_sent_a_message_is_printable_ascii_for_the_senders_part(name: str, value: object) -> None:
    error = refused(**{f"{name}?": value})
    assert error.message.isascii()
    assert error.message.isprintable()
    assert str(error.field).isascii()
