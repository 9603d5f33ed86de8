"""LAYERS documents in memory: what is read, the order, the canvas, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.layers.document import ITEM_KEYS, Document, Layer, parse_document, rotated_bounds
from multiedit.pipelines.layers.placement import Box

LIMITS = RequestLimits()


def picture(width: int = 4, height: int = 3, channels: int = 3, frames: int = 1) -> torch.Tensor:
    return torch.zeros(frames, height, width, channels)


def parse(*items: dict[str, Any], limits: Limits = LIMITS, **more: Any) -> Document:
    return parse_document({"layers": list(items), **more}, limits)


def test_an_image_alone_is_a_layer_with_cores_defaults() -> None:
    image = picture()
    document = parse({"image": image})
    assert document == Document(4, 3, (Layer(image, Box(0, 0, 4, 3), name="layers.1"),))
    assert document.frames == 1


def test_every_field_is_read() -> None:
    item = {
        "image": picture(channels=4), "type": "raster", "mask": torch.ones(1, 9, 9), "name": "hat",
        "x": -5, "y": 7, "w": 40, "h": 30, "z_index": 2, "opacity": 0.25, "blend_mode": "hard-mix",
        "visible": False, "flip_h": True, "flip_v": True, "rotation": -0.5, "seamless": True,
        "placement": None,
    }  # fmt: skip
    assert set(item) == set(ITEM_KEYS)
    layer = parse(item, version=1, canvas=[100, 50]).layers[0]
    assert layer == Layer(
        image=item["image"], mask=item["mask"], name="hat", box=Box(-5, 7, 40, 30), opacity=0.25,
        blend_mode="hard-mix", visible=False, flip_h=True, flip_v=True, rotation=-0.5, seamless=True,
    )  # fmt: skip


def test_cores_own_additional_fields_are_passed_by() -> None:
    assert parse({"image": picture(), "from_a_later_core": 1}, also=2).layers


def test_layers_are_stacked_by_z_index_and_equal_ones_keep_their_order() -> None:
    order = [("a", 1), ("b", 0), ("c", 1), ("d", -3), ("e", 0)]
    document = parse(*({"image": picture(), "name": name, "z_index": z} for name, z in order))
    assert [layer.name for layer in document.layers] == ["d", "b", "e", "a", "c"]


def test_an_unnamed_layer_is_called_by_its_place_in_the_document() -> None:
    document = parse({"image": picture(), "z_index": 1}, {"image": picture()})
    assert [layer.name for layer in document.layers] == ["layers.2", "layers.1"]


@pytest.mark.parametrize(
    ("items", "canvas"),
    [
        ([{}], (4, 3)),
        ([{}, {"x": 6, "y": -1}], (10, 3)),
        ([{"w": 8, "h": 0}], (8, 3)),
        ([{"x": -50, "y": -50}], (1, 1)),
        ([{"rotation": math.pi / 2, "x": 10, "y": 10, "w": 8, "h": 2}], (15, 15)),
        ([{"visible": False, "x": 4}], (8, 3)),
        ([{}, {"image": picture(40, 30), "placement": {}}], (4, 3)),
        ([{"placement": {"scale": 3}}], (4, 3)),
    ],
)
def test_without_a_canvas_it_reaches_as_far_as_the_layers(
    items: list[dict[str, Any]], canvas: tuple[int, int]
) -> None:
    document = parse(*({"image": picture(), **item} for item in items))
    assert (document.width, document.height) == canvas


def test_placement_takes_the_place_of_x_y_w_and_h() -> None:
    placement = {"fit": "contain", "anchor": "bottom-right", "scale": 0.5, "seamless": True}
    item = {"image": picture(40, 20), "x": 1, "y": 2, "w": 3, "h": 4, "placement": placement}
    layer = parse(item, canvas=(100, 100)).layers[0]
    assert layer.box == Box(50, 75, 50, 25)
    assert layer.seamless


@pytest.mark.parametrize(
    ("rotation", "bounds"),
    [
        (0.0, Box(10, 20, 6, 4)),
        (math.pi / 2, Box(11, 19, 4, 6)),
        (math.pi, Box(10, 20, 6, 4)),
        (-math.pi / 2, Box(11, 19, 4, 6)),
        (2 * math.pi, Box(10, 20, 6, 4)),
        (math.pi / 4, Box(9, 18, 8, 8)),
    ],
)
def test_rotated_bounds_are_the_pixels_a_turned_box_touches(rotation: float, bounds: Box) -> None:
    assert rotated_bounds(Box(10, 20, 6, 4), rotation) == bounds


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (None, "the LAYERS document is null"),
        ([], "the LAYERS document is a list"),
        ({"version": 2, "layers": []}, "version is 2; it must be 1"),
        ({}, "layers is null"),
        ({"layers": []}, "layers is '0 layers'; it must be a list of 1 to 50"),
        ({"layers": [{"image": picture()}] * 51}, "layers is '51 layers'"),
        ({"layers": "abc"}, "layers is 'abc'"),
        ({"layers": [{"image": picture()}, 3]}, "layers.2 is 3; it must be an object"),
        ({"layers": [{"image": picture()}], "canvas": 5}, "canvas is 5"),
        ({"layers": [{"image": picture()}], "canvas": [5]}, "canvas is a list"),
        ({"layers": [{"image": picture()}], "canvas": (0, 5)}, "canvas is 0"),
        ({"layers": [{"image": picture()}], "canvas": (5, 2.5)}, "canvas is 2.5"),
        ({"layers": [{"image": picture()}], "canvas": (16385, 8)}, "canvas is 16385x8; the limit is 16384"),
        ({"layers": [{"image": picture()}], "canvas": (9000, 9000)}, "canvas is 9000x9000"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_refused(document: object, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_document(document, LIMITS)
    assert caught.value.message.startswith(says)


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ({"type": "vector"}, "layers.2.type is 'vector'; it must be one of raster."),
        ({"image": None}, "layers.2.image is null; it must be a tensor [B, H, W, C] with 1 to 4 channels."),
        ({"image": "base.png"}, "layers.2.image is 'base.png'"),
        ({"image": picture(channels=5)}, "layers.2.image has the shape [1, 3, 4, 5]; it must be a tensor"),
        ({"image": picture(frames=0)}, "layers.2.image has the shape [0, 3, 4, 3]"),
        ({"image": picture(width=0)}, "layers.2.image has the shape [1, 3, 0, 3]"),
        ({"image": torch.full((1, 2, 2, 3), math.nan)}, "layers.2.image has values that are NaN or infinite"),
        ({"mask": 1}, "layers.2.mask is 1; it must be a tensor [B, H, W]."),
        ({"mask": torch.zeros(1, 3, 4, 3)}, "layers.2.mask has the shape [1, 3, 4, 3]"),
        ({"x": "left"}, "layers.2.x is 'left'"),
        ({"x": 2e6}, "layers.2.x is 2000000.0; it must be a number from -1e+06 to 1e+06."),
        ({"y": math.nan}, "layers.2.y is nan"),
        ({"w": -1}, "layers.2.w is -1; it must be a number from 0"),
        ({"h": math.inf}, "layers.2.h is inf"),
        ({"z_index": None}, "layers.2.z_index is null"),
        ({"opacity": 1.5}, "layers.2.opacity is 1.5; it must be a number from 0 to 1."),
        ({"opacity": True}, "layers.2.opacity is true"),
        ({"blend_mode": "multply"}, "layers.2.blend_mode is 'multply'; it must be one of normal, multiply,"),
        ({"visible": 1}, "layers.2.visible is 1; it must be true or false."),
        ({"flip_h": "no"}, "layers.2.flip_h is 'no'"),
        ({"flip_v": None}, "layers.2.flip_v is null"),
        ({"rotation": math.inf}, "layers.2.rotation is inf"),
        ({"w": 16385}, "layers.2 is 16385x3; the limit is 16384 px a side"),
        ({"w": 9000, "h": 9000}, "layers.2 is 9000x9000"),
        ({"placement": 1}, "layers.2.placement is 1; it must be an object"),
        ({"placement": {"scale": 0}}, "layers.2.placement.scale is 0"),
        ({"placement": {"fit": "contain", "opacity": 1}}, "Unknown field 'opacity' in layers.2.placement."),
        ({"image": picture(frames=2)}, "Layer 'layers.2' has 2 frames beside 3;"),
        ({"mask": torch.zeros(2, 3, 4)}, "Layer 'layers.2' has 2 frames beside 3;"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_its_place(item: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse({"image": picture(frames=3)}, {"image": picture(), **item}, canvas=(64, 64))
    assert caught.value.message.startswith(says)


def test_frames_are_the_longest_layers_and_one_frame_serves_all() -> None:
    document = parse(
        {"image": picture()}, {"image": picture(frames=3), "mask": torch.zeros(1, 3, 4)},
        {"image": picture(), "mask": torch.zeros(3, 3, 4)},
    )  # fmt: skip
    assert document.frames == 3


def test_other_precisions_become_float32() -> None:
    assert parse({"image": picture().half()}).layers[0].image.dtype == torch.float32


def test_a_placed_size_beyond_the_limit_is_refused() -> None:
    item = {"image": picture(), "placement": {"fit": "cover", "scale": 100}}
    with pytest.raises(InvalidRequest, match="is 40000x30000"):
        parse(item, canvas=(400, 300))
