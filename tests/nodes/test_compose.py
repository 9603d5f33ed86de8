"""Compose Layers in ComfyUI's executor, and its documents in core's own layer nodes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

# Core rounds every layer and the resized pictures to 8 bits; its resampling is Pillow's.
TOLERANCE = 2.5 / 255


def picture(width: int = 96, height: int = 64, channels: int = 3, frames: int = 1, seed: int = 0) -> Tensor:
    """Smooth colours, which 8-bit resampling does not overshoot on."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(frames, channels, 3, 4, generator=generator)
    large = torch.nn.functional.interpolate(small, size=(height, width), mode="bilinear", align_corners=True)
    return large.movedim(1, 3).contiguous()


def compose(graph: Any, *images: Tensor, **inputs: Any) -> list[Any]:
    named = {f"image_{number}": image for number, image in enumerate(images, start=1)}
    return graph.run("MultiEditCompose", **named, **inputs)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("channels", [3, 4])
def test_batches_and_alpha(graph: Any, frames: int, channels: int) -> None:
    image, mask, layers = compose(graph, picture(), picture(channels=channels, frames=frames, seed=1))
    assert image.shape == (frames, 64, 96, 3)
    assert mask.shape == (frames, 64, 96)
    assert len(layers["layers"]) == 2


def test_masks_belong_to_the_image_of_their_number(graph: Any) -> None:
    base, overlay = torch.zeros(1, 64, 96, 3), torch.ones(1, 64, 96, 3)
    left = torch.zeros(1, 7, 12)
    left[..., :6] = 1.0
    image, *_ = compose(graph, base, overlay, **{"mask_2": left})
    assert image[0, :, :40].max() < 1e-6
    assert (image[0, :, 56:] == 1).all()


def test_a_batch_of_masks_over_one_frame_gives_a_batch(graph: Any) -> None:
    masks = torch.stack([torch.full((64, 96), share) for share in (0.0, 0.25, 1.0)])
    base, overlay = torch.zeros(1, 64, 96, 3), torch.ones(1, 64, 96, 3)
    image, mask, layers = compose(graph, base, overlay, **{"mask_2": masks})
    assert (image.shape[0], mask.shape[0]) == (3, 3)
    # Mixed in linear light: three quarters of white are 0.88 in sRGB.
    assert [round(float(frame.max()), 2) for frame in image] == [1.0, 0.88, 0.0]
    again, *_ = compose(graph, layers=layers)
    assert torch.equal(again, image)


@pytest.mark.parametrize("size", [64, 96])
def test_the_empty_mask_of_load_image_hides_nothing(graph: Any, size: int) -> None:
    base, overlay = torch.zeros(1, size, size, 3), torch.ones(1, size, size, 3)
    image, _, layers = compose(graph, base, overlay, **{"mask_2": torch.zeros(1, 64, 64)})
    assert (image == 1).all()
    assert ("mask" in layers["layers"][1]) is (size == 64)


def test_the_canvas_and_the_background_are_chosen(graph: Any) -> None:
    small = torch.full((1, 20, 20, 4), 0.5)
    image, mask, layers = compose(
        graph,
        small,
        **{
            "canvas": "custom", "canvas.width": 50, "canvas.height": 40, "background": "color",
            "background.color": "#ff8000",
        },
    )  # fmt: skip
    assert image.shape == (1, 40, 50, 3)
    assert not mask.any()
    assert layers["layers"][0]["name"] == "background"
    image, mask, _ = compose(graph, small, background="transparent")
    assert image.shape == (1, 20, 20, 4)
    torch.testing.assert_close(mask, torch.full((1, 20, 20), 0.5))


def test_a_bad_colour_or_nothing_at_all_is_an_error(graph: Any) -> None:
    with pytest.raises(graph.Failed, match=r"background\.color is 'red'"):
        compose(graph, picture(), **{"background": "color", "background.color": "red"})
    with pytest.raises(graph.Failed, match="Nothing to compose"):
        compose(graph)


def test_single_images_are_placed_by_per_image(graph: Any) -> None:
    images = picture(), picture(40, 30, seed=1), picture(30, 30, seed=2)
    text = '{"2": {"scale": 0.5, "z": 2}, "3": {"visible": false}}'
    *_, layers = compose(graph, *images, per_image=text, opacity=0.5, z_index=1)
    shown = [(item["z_index"], item["visible"], item["opacity"], item["w"]) for item in layers["layers"]]
    assert shown == [(0, True, 1.0, 96), (2, True, 0.5, 43), (1, False, 0.5, 64)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"4": {"scale": 0.5}}', "image_4 is not connected"),
        ('{"1": {"scale": 0.5}}', "image 1, the base, which is not placed"),
        ('{"2": {"role": "overlay"}}', r"per_image\.2"),
    ],
)
def test_an_entry_of_per_image_needs_an_overlay(graph: Any, text: str, words: str) -> None:
    with pytest.raises(graph.Failed, match=words):
        compose(graph, picture(), picture(40, 30, seed=1), per_image=text)
    assert compose(graph, picture(), layers=compose(graph, picture())[2], per_image='{"1": {"z": 1}}')


def test_placement_settings_that_place_nothing_say_so(graph: Any) -> None:
    *_, layers = compose(graph, picture(), picture(40, 30, seed=1), scale=0.5)
    graph.run("MultiEditCompose", layers=layers)
    assert "node" not in graph.ui
    graph.run("MultiEditCompose", layers=layers, scale=0.5)
    assert "settings of this node are not used" in graph.ui["node"]["text"][0]


def test_a_page_that_looks_on_is_told_the_images_of_the_run(
    graph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import server
    from multiedit.pipelines.editing.stage_pictures import RUN_PICTURES

    layers = compose(graph, picture(), picture(40, 30, seed=1))[2]
    assert "node" not in graph.ui
    page = SimpleNamespace(client_id="page", send_progress_text=lambda *told: None)
    monkeypatch.setattr(server.PromptServer, "instance", page, raising=False)
    compose(graph, **{"image_2": picture(50, 20, seed=2), "mask_2": torch.ones(1, 5, 5)}, layers=layers)
    names = graph.ui["node"]["multiedit_stage"][0]
    kept = {number: RUN_PICTURES.find(name) for number, name in names.items()}
    assert {number: each.size for number, each in kept.items()} == {"0": (96, 64), "2": (50, 20)}
    assert not kept["2"].pixels[..., 3].any()


SCENES: dict[str, dict[str, Any]] = {
    "placed": {"scale": 0.5, "anchor": "bottom-right", "offset_x": -5.0},
    "mixed": {"opacity": 0.6, "blend_mode": "soft-light", "fit": "stretch"},
    # Core puts some quarter turns a pixel off, by the rounding of its cosine; not this one.
    "turned": {"rotation": 90.0, "flip_h": True, "scale": 0.5},
    "freely turned": {"rotation": 33.0, "scale": 0.7},
    "beyond the edge": {"fit": "cover", "scale": 1.4, "offset_y": 20.0, "blend_mode": "multiply"},
    "on a colour": {
        "background": "color", "background.color": "#336699", "canvas": "custom", "canvas.width": 128,
        "canvas.height": 32,
    },
    "under the base": {"z_index": -1},
}  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
def test_core_sees_the_same_picture(graph: Any, scene: str) -> None:
    images = picture(480, 320), picture(150, 200, channels=4, seed=1), picture(100, 250, seed=2)
    ours, our_mask, layers = compose(graph, *images, **SCENES[scene])
    theirs, their_mask = graph.run("ImageCompositor", layers=layers, compositor="")
    assert theirs.shape == ours.shape
    difference = (ours - theirs).abs()
    assert difference.quantile(0.99) <= TOLERANCE
    assert difference.mean() <= 0.5 / 255
    assert (our_mask - their_mask).abs().quantile(0.99) <= TOLERANCE


def test_a_document_goes_through_cores_add_layer_and_back(graph: Any) -> None:
    base, overlay, further = picture(), picture(40, 30, seed=1), picture(20, 20, seed=2)
    *_, layers = compose(graph, base, overlay, seamless=True, scale=0.5)
    (added,) = graph.run("AddLayer", layers=layers, image=further, x=5, y=6, opacity=0.5)
    image, _, out = graph.run("MultiEditCompose", layers=added)
    whole, *_ = compose(graph, base, overlay, seamless=True, scale=0.5)
    assert out["canvas"] == (96, 64)
    assert len(out["layers"]) == 3
    assert torch.allclose(image[0, 30:], whole[0, 30:], atol=1e-6)
    mixed = image[0, 6:26, 5:25] - whole[0, 6:26, 5:25]
    assert mixed.abs().mean() > 0.01


def test_a_document_of_core_is_composed_as_core_does(graph: Any) -> None:
    (layers,) = graph.run("AddLayer", image=picture())
    (layers,) = graph.run(
        "AddLayer",
        layers=layers,
        image=picture(40, 30, seed=1),
        mask=torch.linspace(0, 1, 40).expand(1, 30, 40).contiguous(),
        x=-8, y=50, width=60, height=30, blend_mode="hard-light", flip_v=True,
    )  # fmt: skip
    theirs, _ = graph.run("ImageCompositor", layers=layers, compositor="")
    ours, *_ = graph.run("MultiEditCompose", layers=layers, canvas="extent")
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().quantile(0.99) <= TOLERANCE


@pytest.mark.parametrize("image", [{}, {"image_3": None}])
def test_a_mask_without_its_image_is_refused(graph: Any, image: dict[str, Any]) -> None:
    with pytest.raises(graph.Failed, match="mask_3 is connected, but image_3 gives no image"):
        compose(graph, picture(), **image, **{"mask_3": torch.zeros(1, 9, 9)})


@pytest.mark.parametrize("value", [0.00389105, 0.99610895])
def test_the_transparency_of_a_grey_png_leaves_no_ghost(graph: Any, value: float) -> None:
    base, overlay = torch.ones(1, 64, 64, 3), torch.zeros(1, 64, 64, 3)
    image, *_ = compose(graph, base, overlay, **{"mask_2": torch.full((1, 64, 64), value)})
    torch.testing.assert_close(image, torch.full_like(image, round(value)))
