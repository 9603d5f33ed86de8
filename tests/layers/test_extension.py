"""How far an image is extended: what is asked for, and the pixels that it comes to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.layers.extended import extend_mask
from multiedit.pipelines.layers.extension import (
    Amount,
    Extend,
    Extension,
    extend_fields,
    read_extend,
    resolve_extension,
)
from multiedit.pipelines.layers.masked import mask_bounds

PHOTO = (4000, 3000)


def resolved(fields: dict[str, Any], size: tuple[int, int] = PHOTO) -> Extension:
    return resolve_extension(read_extend(fields, "multiedit.extend"), size, RequestLimits())


@pytest.mark.parametrize(
    ("fields", "sides", "size"),
    [
        ({"left": 256}, (256, 0, 0, 0), (4256, 3000)),
        ({"right": "25%", "top": "10%"}, (0, 300, 1000, 0), (5000, 3300)),
        ({"bottom": "12.5%", "left": 1}, (1, 0, 0, 375), (4001, 3375)),
        ({"aspect_ratio": "16:9"}, (667, 0, 666, 0), (5333, 3000)),
        ({"aspect_ratio": "16:9", "anchor": "left"}, (0, 0, 1333, 0), (5333, 3000)),
        ({"aspect_ratio": "1:1", "anchor": "bottom-right"}, (0, 1000, 0, 0), (4000, 4000)),
        ({"aspect_ratio": "9:16", "anchor": "top"}, (0, 0, 0, 4111), (4000, 7111)),
    ],
)
def test_sides_and_ratios_come_to_pixels(
    fields: dict[str, Any], sides: tuple[int, ...], size: tuple[int, int]
) -> None:
    made = resolved(fields)
    assert (made.left, made.top, made.right, made.bottom) == sides
    assert made.size == size


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("left=256,right=25%", {"left": 256, "right": "25%"}),
        (" 16:9 , anchor = top , fill=blur", {"aspect_ratio": "16:9", "anchor": "top", "fill": "blur"}),
        ("bottom=10%,fill=#00ff00", {"bottom": "10%", "fill": "#00ff00"}),
    ],
)
def test_text_says_the_same(text: str, fields: dict[str, Any]) -> None:
    assert extend_fields(text, "--extend") == fields


sides = st.integers(0, 3000)


@given(sides, sides, sides, st.integers(1, 3000))
def test_an_extension_is_its_own_text(left: int, top: int, right: int, bottom: int) -> None:
    made = Extension(left, top, right, bottom, *PHOTO, "mirror")
    assert resolved(extend_fields(made.text, "extend")) == made


@given(
    st.tuples(st.integers(64, 4000), st.integers(64, 4000)), st.sampled_from(["16:9", "1:1", "2:3", "21:9"])
)
def test_the_smallest_image_of_a_ratio_holds_the_old_one(size: tuple[int, int], ratio: str) -> None:
    wide, high = map(int, ratio.split(":"))
    try:
        made = resolve_extension(Extend(aspect_ratio=ratio), size, None)
    except InvalidRequest:
        assert abs(size[0] - size[1] * wide / high) <= 0.5 or abs(size[1] - size[0] * high / wide) <= 0.5
        return
    width, height = made.size
    assert width == size[0] or height == size[1]
    assert abs(width - height * wide / high) <= 0.5 or abs(height - width * high / wide) <= 0.5


few = st.sampled_from([0, 0, 1, 7])


@given(few, few, few, few)
def test_all_that_is_added_lies_in_its_window(left: int, top: int, right: int, bottom: int) -> None:
    assume(left + top + right + bottom)
    made = Extension(left, top, right, bottom, 9, 5)
    assert made.added == mask_bounds(extend_mask(None, made)[0])


@pytest.mark.parametrize(
    ("fields", "words", "field"),
    [
        ({}, "neither a side nor aspect_ratio", "multiedit.extend"),
        ({"left": 3, "aspect_ratio": "1:1"}, "left as well as aspect_ratio", "multiedit.extend"),
        ({"left": 3, "anchor": "top"}, "anchor is for aspect_ratio", "multiedit.extend.anchor"),
        ({"left": -1}, "a whole number from 0 to 65535", "multiedit.extend.left"),
        ({"left": 1.5}, "a whole number", "multiedit.extend.left"),
        ({"left": "25"}, 'percent as text, such as "25%"', "multiedit.extend.left"),
        ({"left": "1001%"}, "up to 1000%", "multiedit.extend.left"),
        ({"aspect_ratio": "16/9"}, "a ratio W:H", "multiedit.extend.aspect_ratio"),
        ({"aspect_ratio": "101:1"}, "to 100:1", "multiedit.extend.aspect_ratio"),
        ({"left": 3, "fill": "red"}, "or a colour such as #808080", "multiedit.extend.fill"),
        ({"lefft": 3}, "Did you mean 'left'", "multiedit.extend.lefft"),
        (3, "must be an object", "multiedit.extend"),
    ],
)
def test_what_cannot_be_read_says_what_can(fields: Any, words: str, field: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        read_extend(fields, "multiedit.extend")
    assert caught.value.field == field


@pytest.mark.parametrize("text", ["left", "16:9,16:9", "left=", "left=1,left=2"])
def test_text_that_cannot_be_read_is_shown(text: str) -> None:
    with pytest.raises(InvalidRequest, match="such as left=256,right=25% or 16:9"):
        extend_fields(text, "--extend")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"left": 20_000}, "24000x3000; the limit is 16384 px a side.*MULTIEDIT_MAX_SIDE"),
        ({"aspect_ratio": "100:1"}, "300000x3000; the limit is 16384 px a side"),
        ({"left": 12_000, "top": 12_000}, "the limit is 67108864 px. .*MULTIEDIT_MAX_CANVAS_PIXELS"),
        ({"left": 0}, "adds nothing: image 1, 4000x3000, gets less than a pixel"),
        ({"aspect_ratio": "4:3"}, "has the ratio 4:3 already"),
    ],
)
def test_nothing_and_too_much_are_refused_by_the_size_alone(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        resolved(fields)
    assert caught.value.field == "multiedit.extend"


def test_larger_limits_allow_more() -> None:
    assert resolve_extension(Extend(left=Amount(20_000)), PHOTO, Limits()).size == (24_000, 3000)
