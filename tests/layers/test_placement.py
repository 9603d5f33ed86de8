"""Where layers go: worked examples, refusals, and properties of any size."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.layers.placement import (
    ANCHORS,
    FITS,
    PLACEMENT_FIELDS,
    Anchor,
    Box,
    Placement,
    PlacementFit,
    fitted_size,
    place,
    read_placement,
)

CANVAS = (1000, 600)

sizes = st.tuples(st.integers(1, 20_000), st.integers(1, 20_000))
anchors = st.sampled_from(ANCHORS)


@pytest.mark.parametrize(
    ("fit", "box"),
    [
        ("contain", Box(350, 0, 300, 600)),
        ("cover", Box(0, -700, 1000, 2000)),
        ("stretch", Box(0, 0, 1000, 600)),
        ("none", Box(450, 200, 100, 200)),
    ],
)
def test_fits_of_a_tall_layer(fit: PlacementFit, box: Box) -> None:
    assert place(Placement(fit=fit), (100, 200), CANVAS) == box


@pytest.mark.parametrize(
    ("anchor", "corner"),
    [
        ("top-left", (0, 0)), ("top", (450, 0)), ("top-right", (900, 0)),
        ("left", (0, 200)), ("center", (450, 200)), ("right", (900, 200)),
        ("bottom-left", (0, 400)), ("bottom", (450, 400)), ("bottom-right", (900, 400)),
    ],
)  # fmt: skip
def test_anchors(anchor: Anchor, corner: tuple[int, int]) -> None:
    assert place(Placement(fit="none", anchor=anchor), (100, 200), CANVAS) == Box(*corner, 100, 200)


@pytest.mark.parametrize(
    ("placement", "box"),
    [
        (Placement(fit="none", offset_x=10), Box(550, 200, 100, 200)),
        (Placement(fit="none", offset_y=-50), Box(450, -100, 100, 200)),
        (Placement(fit="none", anchor="bottom-right", offset_x=100, offset_y=100), Box(1900, 1000, 100, 200)),
        (Placement(fit="none", offset_x=7.4, offset_y=-3, unit="pixels"), Box(457, 197, 100, 200)),
        (Placement(fit="none", offset_x=0.05), Box(451, 200, 100, 200)),  # half a pixel goes to the right
        (Placement(fit="none", scale=2), Box(400, 100, 200, 400)),
        (Placement(scale=0.5), Box(425, 150, 150, 300)),
        (Placement(fit="none", scale=0.001), Box(500, 300, 1, 1)),
        (Placement(fit="stretch", scale=0.1, anchor="top-left"), Box(0, 0, 100, 60)),
    ],
)
def test_offsets_are_percent_of_the_canvas_and_scale_is_about_the_anchor(
    placement: Placement, box: Box
) -> None:
    assert place(placement, (100, 200), CANVAS) == box


def test_the_default_is_contained_and_centred() -> None:
    assert place(Placement(), (2000, 600), CANVAS) == Box(0, 150, 1000, 300)


@given(sizes, sizes, anchors)
def test_contain_is_inside_and_meets_two_edges(
    layer: tuple[int, int], canvas: tuple[int, int], anchor: Anchor
) -> None:
    box = place(Placement(anchor=anchor), layer, canvas)
    assert box.x >= 0
    assert box.y >= 0
    assert box.x + box.width <= canvas[0]
    assert box.y + box.height <= canvas[1]
    assert box.width == canvas[0] or box.height == canvas[1]


@given(sizes, sizes, anchors)
def test_cover_covers(layer: tuple[int, int], canvas: tuple[int, int], anchor: Anchor) -> None:
    box = place(Placement(fit="cover", anchor=anchor), layer, canvas)
    assert box.x <= 0
    assert box.y <= 0
    assert box.x + box.width >= canvas[0]
    assert box.y + box.height >= canvas[1]
    assert box.width == canvas[0] or box.height == canvas[1]


@given(sizes, sizes, st.sampled_from(["contain", "cover", "none"]), st.floats(0.001, 100))
def test_the_ratio_is_kept_to_half_a_pixel(
    layer: tuple[int, int], canvas: tuple[int, int], fit: PlacementFit, scale: float
) -> None:
    width, height = fitted_size(fit, layer, canvas)
    assert width * layer[1] == pytest.approx(height * layer[0])
    box = place(Placement(fit=fit, scale=scale), layer, canvas)
    assert abs(box.width - max(1, width * scale)) <= 0.5 + 1e-6
    assert abs(box.height - max(1, height * scale)) <= 0.5 + 1e-6


def test_every_field_of_a_placement_is_read() -> None:
    values = {
        "fit": "cover", "anchor": "top", "offset_x": 5, "offset_y": -7.5, "unit": "pixels", "scale": 2,
        "rotation": -90, "flip_h": True, "flip_v": True, "opacity": 0.5, "blend_mode": "screen",
        "seamless": True, "z": -4, "visible": False,
    }  # fmt: skip
    assert read_placement(values, "placement") == Placement(**values)  # type: ignore[arg-type]
    assert set(values) == set(PLACEMENT_FIELDS) == {field.name for field in fields(Placement)}
    assert read_placement({}, "placement") == Placement()


@pytest.mark.parametrize(
    ("value", "field", "says"),
    [
        ([], "placement.2", "placement.2 is a list; it must be an object."),
        ({"fit": "fill"}, "placement.2.fit", f"it must be one of {', '.join(FITS)}."),
        ({"anchor": "centre"}, "placement.2.anchor", "'centre'; it must be one of top-left, top,"),
        ({"offset_x": 16385}, "placement.2.offset_x", "is 16385; it must be a number from -16384 to 16384."),
        ({"unit": "px"}, "placement.2.unit", "percent"),
        ({"offset_y": "5%"}, "placement.2.offset_y", "is '5%'"),
        ({"scale": 0}, "placement.2.scale", "it must be a number from 0.001 to 100."),
        ({"scale": float("nan")}, "placement.2.scale", "is nan"),
        ({"rotation": 361}, "placement.2.rotation", "it must be a number from -360 to 360."),
        ({"flip_h": 1}, "placement.2.flip_h", "it must be true or false."),
        ({"opacity": True}, "placement.2.opacity", "is true; it must be a number from 0 to 1."),
        ({"blend_mode": "multiplied"}, "placement.2.blend_mode", "it must be one of normal, multiply,"),
        ({"seamless": None}, "placement.2.seamless", "is null"),
        ({"ofset_x": 1}, "placement.2.ofset_x", "Did you mean 'offset_x'?"),
    ],
)
def test_a_placement_that_is_none_is_refused(value: object, field: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_placement(value, "placement.2")
    assert caught.value.field == field
    assert says in caught.value.message


def test_only_the_named_fields_may_be_given() -> None:
    with pytest.raises(InvalidRequest, match="Unknown field 'opacity' in"):
        read_placement({"opacity": 1}, "layers.1.placement", ("fit", "anchor"))
