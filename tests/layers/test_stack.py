"""LAYERS documents built from pictures: who is the base, where overlays lie, and that core sees the same."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.layers.composite import composite
from multiedit.pipelines.layers.document import parse_document
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.layers.stack import (
    compose_stack,
    is_empty_mask,
    is_unplaced,
    layer_mask,
    stack_images,
    with_layer_mask,
)
from torch import Tensor

LIMITS = Limits()
PLAIN = Placement()


def picture(width: int, height: int, channels: int = 3, frames: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(frames, height, width, channels, generator=generator)


def compose(images: dict[int, Any], layers: Any = None, placement: Placement = PLAIN, **options: Any) -> Any:
    images = {n: image if isinstance(image, tuple) else (image, None) for n, image in images.items()}
    options = {"canvas": "base", "background": None, "limits": LIMITS, **options}
    return compose_stack(layers, images, placement, **options)


def boxes(composed: Any) -> list[tuple[int, int, int, int]]:
    parsed = parse_document(composed.layers, LIMITS)
    return [tuple(layer.box) for layer in parsed.layers]


def test_the_first_picture_is_the_base_and_is_not_placed() -> None:
    base, overlay = picture(40, 20), picture(10, 10)
    composed = compose({3: overlay, 2: base}, placement=Placement(anchor="left", scale=0.5))
    assert composed.layers["canvas"] == (40, 20)
    assert boxes(composed) == [(0, 0, 40, 20), (0, 5, 10, 10)]
    assert [item["name"] for item in composed.layers["layers"]] == ["image 2", "image 3"]


@pytest.mark.parametrize(
    ("canvas", "size", "base_box"),
    [
        ("base", (40, 20), (0, 0, 40, 20)),
        ("extent", (40, 20), (0, 0, 40, 20)),
        ((80, 80), (80, 80), (-40, 0, 160, 80)),
    ],
)
def test_the_canvas_without_a_document(canvas: Any, size: tuple[int, int], base_box: tuple[int, ...]) -> None:
    composed = compose({1: picture(40, 20)}, canvas=canvas)
    assert composed.layers["canvas"] == size
    assert boxes(composed) == [base_box]
    assert composed.image.shape == (1, size[1], size[0], 3)
    assert composed.mask.shape == (1, size[1], size[0])


@pytest.mark.parametrize(
    ("canvas", "size"), [("base", (64, 48)), ("extent", (50, 30)), ((100, 90), (100, 90))]
)
def test_over_a_document_every_picture_is_an_overlay(canvas: Any, size: tuple[int, int]) -> None:
    layers = {"version": 1, "canvas": (64, 48), "layers": [{"image": picture(40, 20), "x": 10, "y": 10}]}
    composed = compose({1: picture(10, 10)}, layers, Placement(fit="none", anchor="top-left"), canvas=canvas)
    assert composed.layers["canvas"] == size
    assert boxes(composed) == [(10, 10, 40, 20), (0, 0, 10, 10)]


def test_a_document_without_a_canvas_gives_the_extent_of_its_layers() -> None:
    layers = {"layers": [{"image": picture(40, 20), "x": 10, "y": 5}]}
    assert compose({}, layers).layers["canvas"] == (50, 25)


def test_the_document_out_shows_the_same_and_says_it_in_cores_terms() -> None:
    placement = Placement(
        fit="cover", scale=0.4, rotation=30.0, offset_x=5.0, opacity=0.7, blend_mode="screen", flip_h=True
    )
    composed = compose({1: picture(60, 40), 2: (picture(30, 30, 4), picture(9, 9)[..., 0])}, None, placement)
    item = composed.layers["layers"][1]
    assert {type(item[key]) for key in ("x", "y", "w", "h", "z_index")} == {int}
    assert (item["opacity"], item["blend_mode"], item["flip_h"]) == (0.7, "screen", True)
    assert math.isclose(item["rotation"], math.radians(30))
    assert "placement" not in item
    torch.testing.assert_close(composite(parse_document(composed.layers, LIMITS)), composed.image)


def test_seamless_stays_in_the_document() -> None:
    composed = compose({1: picture(60, 40), 2: picture(30, 30)}, None, Placement(scale=0.5, seamless=True))
    assert [item.get("seamless", False) for item in composed.layers["layers"]] == [False, True]
    torch.testing.assert_close(composite(parse_document(composed.layers, LIMITS)), composed.image)
    hard = compose({1: picture(60, 40), 2: picture(30, 30)}, None, Placement(scale=0.5))
    assert not torch.allclose(composed.image, hard.image, atol=0.1)


def test_a_placement_of_the_document_is_resolved_on_the_canvas() -> None:
    item = {"image": picture(10, 10), "placement": {"anchor": "right"}, "note": "kept"}
    layers = {"canvas": (40, 20), "layers": [{"image": picture(40, 20)}, item]}
    composed = compose({}, layers)
    assert boxes(composed) == [(0, 0, 40, 20), (20, 0, 20, 20)]
    assert composed.layers["layers"][1]["note"] == "kept"
    assert "placement" in item


@pytest.mark.parametrize("colour", [(1.0, 0.0, 0.5), (0.2, 0.2, 0.2)])
def test_a_background_is_the_bottom_layer_and_shows_as_given(colour: tuple[float, float, float]) -> None:
    hole = torch.cat((picture(40, 20), torch.zeros(1, 20, 40, 1)), dim=3)
    small = Placement(anchor="bottom", scale=0.2, z=-5)
    composed = compose({1: hole, 2: picture(8, 8)}, None, small, background=colour, canvas=(50, 50))
    assert composed.layers["layers"][0]["z_index"] == -6
    assert composed.image.shape == (1, 50, 50, 3)
    torch.testing.assert_close(composed.image[0, 0, 0], torch.tensor(colour), atol=5e-5, rtol=0)
    assert not composed.mask.any()


def test_transparency_comes_out_as_alpha_and_as_a_mask() -> None:
    composed = compose({1: (picture(40, 20), torch.ones(1, 20, 40)), 2: picture(20, 20)})
    assert composed.image.shape[3] == 4
    torch.testing.assert_close(composed.mask, 1 - composed.image[..., 3])
    assert (composed.mask[0, :, 0] == 1).all()
    assert (composed.mask[0, :, 20] == 0).all()


def test_z_index_orders_overlays_against_a_document() -> None:
    layers = {"layers": [{"image": picture(40, 20), "z_index": 3}]}
    composed = compose({1: picture(10, 10)}, layers, Placement(z=2))
    assert boxes(composed) == [(10, 0, 20, 20), (0, 0, 40, 20)]


def test_single_images_have_placements_of_their_own() -> None:
    images = {1: picture(40, 20), 2: picture(10, 10), 4: picture(8, 8), 5: picture(4, 4)}
    own = {2: Placement(fit="none", z=1), 4: Placement(visible=False)}
    shared = Placement(fit="none", anchor="top-left")
    composed = compose(images, None, shared, placements=own)
    assert boxes(composed) == [(0, 0, 40, 20), (10, 0, 20, 20), (0, 0, 4, 4), (15, 5, 10, 10)]
    hidden = {item["name"]: item["visible"] for item in composed.layers["layers"][1:]}
    assert hidden == {"image 2": True, "image 4": False, "image 5": True}
    del images[4]
    assert torch.equal(compose(images, None, shared, placements=own).image, composed.image)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_batches_are_composed_frame_by_frame(frames: int) -> None:
    composed = compose({1: picture(40, 20), 2: picture(10, 10, frames=frames)})
    assert composed.image.shape == (frames, 20, 40, 3)
    assert composed.mask.shape == (frames, 20, 40)


@pytest.mark.parametrize("number", [1, 2])
def test_a_batch_of_masks_over_one_frame_gives_a_batch(number: int) -> None:
    base, overlay, masks = picture(40, 20), picture(40, 20, seed=1), picture(8, 6, frames=3)[..., 0]
    images = {1: (base, None), 2: (overlay, None)}
    composed = compose({**images, number: (images[number][0], masks)})
    assert (composed.image.shape[0], composed.mask.shape[0]) == (3, 3)
    for frame, mask in enumerate(masks.split(1)):
        single = compose({**images, number: (images[number][0], mask)})
        torch.testing.assert_close(composed.image[frame : frame + 1, ..., :3], single.image[..., :3])


def test_images_and_masks_of_any_layout_become_cores() -> None:
    base, overlay, mask = picture(40, 20, 1)[0].half(), picture(10, 10, 1), picture(7, 5)[:, None, ..., 0]
    inner = {"layers": [{"image": picture(40, 20, 1).bfloat16(), "mask": mask[0, 0]}]}
    for composed in (compose({1: base, 2: (overlay, mask)}), compose({2: (overlay, mask)}, inner)):
        items = composed.layers["layers"]
        assert [tuple(item["image"].shape) for item in items] == [(1, 20, 40, 3), (1, 10, 10, 3)]
        assert {item["mask"].shape for item in items if "mask" in item} == {(1, 5, 7)}
        assert {item["image"].dtype for item in items} == {torch.float32}


def test_nothing_is_written_into_what_was_given() -> None:
    base, overlay, mask = picture(40, 20, 4), picture(30, 30), torch.rand(1, 7, 7)
    copies = [each.clone() for each in (base, overlay, mask)]
    compose({1: (base, mask), 2: overlay}, None, Placement(seamless=True, rotation=9.0))
    assert all(torch.equal(*pair) for pair in zip(copies, (base, overlay, mask), strict=True))


@pytest.mark.parametrize(
    ("images", "layers", "words"),
    [
        ({}, None, "Nothing to compose"),
        ({1: picture(9, 9, frames=2), 2: picture(9, 9, frames=3)}, None, "2 frames beside 3"),
        ({}, {"layers": []}, "layers is '0 layers'"),
        ({1: picture(9, 9)}, {"layers": [{"image": 7}]}, r"layers\.1\.image is 7"),
        ({1: picture(9, 9), 4: picture(9, 9, 5)}, None, r"image_4 has the shape \[1, 9, 9, 5\]"),
        ({3: (picture(9, 9), picture(9, 9))}, None, r"mask_3 has the shape \[1, 9, 9, 3\]"),
        ({1: picture(9, 9), 2: (picture(9, 9, frames=2), torch.zeros(3, 9, 9))}, None, "2 frames beside 3"),
        ({1: picture(9, 9)}, {"canvas": (9, 9)}, "layers is null"),
        ({1: picture(9, 9)}, [], "the LAYERS document is a list"),
    ],
)
def test_what_cannot_be_composed_is_refused(images: Any, layers: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        compose(images, layers)


def test_progress_is_passed_on() -> None:
    shares: list[float] = []
    compose({1: picture(40, 20, frames=2), 2: picture(9, 9)}, progress=shares.append)
    assert shares[-1] == 1.0


def test_a_layer_mask_has_cores_polarity() -> None:
    image = picture(8, 6, 4, frames=2)
    torch.testing.assert_close(layer_mask(image), 1 - image[..., 3])
    mask = layer_mask(image[..., :3])
    assert mask.shape == (2, 64, 64)
    assert not mask.any()


def test_an_alpha_that_comes_as_its_mask_too_counts_once() -> None:
    image = picture(8, 6, 4)
    joined, mask = with_layer_mask(image, layer_mask(image))
    assert mask is None
    torch.testing.assert_close(joined, image)


def test_what_alpha_or_mask_makes_transparent_is_transparent() -> None:
    image = torch.ones(1, 6, 8, 4)
    image[:, :3, :, 3] = 0.0
    mask = torch.zeros(2, 6, 8)
    mask[1, :, :4] = 1.0
    joined, _ = with_layer_mask(image, mask)
    assert joined.shape == (2, 6, 8, 4)
    assert joined[0, 3:, :, 3].all()
    assert joined[1, 3:, 4:, 3].all()
    assert not joined[:, :3, :, 3].any()
    assert not joined[1, :, :4, 3].any()


def test_a_mask_of_an_opaque_image_stays_beside_it() -> None:
    image, mask = picture(8, 6), torch.rand(1, 3, 4)
    assert with_layer_mask(image, mask) == (image, mask)


def compose_document(layers: Any, placement: Placement, images: Any = None) -> Any:
    return compose_stack(layers, images or {}, placement, canvas="base", background=None, limits=Limits())


def test_loaded_layers_are_placed_by_the_first_that_composes_them() -> None:
    base, overlay = picture(40, 30), picture(20, 20)
    placement = Placement(scale=0.5, anchor="top-left", rotation=20.0, opacity=0.7, blend_mode="screen")
    placed = compose_document(stack_images([base, overlay]), placement)
    wired = compose_stack(
        None, {1: (base, None), 2: (overlay, None)}, placement,
        canvas="base", background=None, limits=Limits(),
    )  # fmt: skip
    assert torch.equal(placed.image, wired.image)
    assert not any(map(is_unplaced, placed.layers["layers"]))
    again = compose_document(placed.layers, Placement(scale=0.1))
    assert torch.equal(again.image, placed.image)


@pytest.mark.parametrize(
    ("mask", "size", "empty"),
    [
        (torch.zeros(1, 64, 64), (40, 30), True),
        (torch.zeros(3, 64, 64), (64, 65), True),
        (torch.zeros(1, 64, 64), (64, 64), False),
        (torch.zeros(1, 32, 32), (40, 30), False),
        (torch.full((1, 64, 64), 0.1), (40, 30), False),
    ],
)
def test_the_empty_mask_of_load_image_says_nothing(mask: Tensor, size: tuple[int, int], empty: bool) -> None:
    assert is_empty_mask(mask, picture(*size)) is empty


def test_stacked_pictures_lie_contained_and_centred_on_the_first() -> None:
    document = stack_images([picture(40, 20), picture(10, 10), picture(80, 10)])
    parsed = parse_document(document, LIMITS)
    assert (parsed.width, parsed.height) == (40, 20)
    assert [tuple(layer.box) for layer in parsed.layers] == [(0, 0, 40, 20), (10, 0, 20, 20), (0, 8, 40, 5)]
