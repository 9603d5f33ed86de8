"""Compositing against a plain 64-bit reference over the whole canvas, without strips or short cuts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.layers import composite as module
from multiedit.pipelines.layers import placed as placed_module
from multiedit.pipelines.layers.blend import BLENDS
from multiedit.pipelines.layers.composite import Colour, composite
from multiedit.pipelines.layers.document import Document, Layer, parse_document
from multiedit.pipelines.layers.modes import BLEND_MODES
from multiedit.pipelines.layers.placement import Box
from multiedit.pipelines.layers.rotate import rotate_window
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

WIDTH, HEIGHT = 97, 70


# --- the reference -------------------------------------------------------------------------------------


def linear_of(encoded: Array) -> Array:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0) + 0.055) / 1.055) ** 2.4)


def encoded_of(linear: Array) -> Array:
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)


def lanczos_matrix(source: int, target: int) -> Array:
    matrix = np.zeros((target, source))
    scale = source / target
    width = max(scale, 1.0)
    for row in range(target):
        distance = (np.arange(source) + 0.5 - (row + 0.5) * scale) / width
        weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
        matrix[row] = weights / weights.sum()
    return matrix


def placed(layer: Layer, frame: int, width: int, height: int) -> tuple[Array, Array]:
    """The layer alone on the canvas: colour [3, H, W] and alpha [H, W]; quarter turns only."""
    image = layer.image[min(frame, len(layer.image) - 1)].double().numpy().transpose(2, 0, 1)
    alpha = image[3] if len(image) == 4 else np.ones(image.shape[1:])
    if layer.mask is not None:
        mask = layer.mask[min(frame, len(layer.mask) - 1)].double()
        mask = torch.nn.functional.interpolate(mask[None, None], size=alpha.shape, mode="bilinear")[0, 0]
        shown = np.clip(1 - mask.numpy(), 0, 1)
        shown = np.where(shown < 1 / 256, 0, np.where(shown > 1 - 1 / 256, 1, shown))
        alpha = alpha * shown
    planes = np.concatenate((image[:3] * alpha, alpha[None]))
    planes = planes[:, :: -1 if layer.flip_v else 1, :: -1 if layer.flip_h else 1]
    x, y, box_width, box_height = layer.box
    if planes.shape[1:] != (box_height, box_width):
        rows = lanczos_matrix(planes.shape[1], box_height)
        planes = rows @ planes @ lanczos_matrix(planes.shape[2], box_width).T
    turns = round(layer.rotation / (math.pi / 2))
    planes = np.rot90(planes, -turns, axes=(1, 2))
    if turns % 2:
        x, y = x + (box_width - box_height) // 2, y + (box_height - box_width) // 2
    canvas = np.zeros((4, height, width))
    top, left = max(y, 0), max(x, 0)
    part = planes[:, top - y : height - y, left - x : width - x]
    canvas[:, top : top + part.shape[1], left : left + part.shape[2]] = part
    return np.clip(canvas[:3] / np.maximum(canvas[3], 1e-9), 0, 1), np.clip(canvas[3], 0, 1)


def reference_frame(document: Document, frame: int, background: Colour | None) -> Array:
    size = (document.height, document.width)
    alpha = np.full(size, 0.0 if background is None else 1.0)
    colour = linear_of(np.array(background or (0.0, 0.0, 0.0)))[:, None, None] * np.ones((3, *size))
    for layer in document.layers:
        if not layer.visible:
            continue
        encoded, layer_alpha = placed(layer, frame, document.width, document.height)
        mode = BLEND_MODES[layer.blend_mode]
        weight = layer_alpha * layer.opacity
        pair = (colour, linear_of(encoded)) if mode.light == "linear" else (encoded_of(colour), encoded)
        mixed = BLENDS[layer.blend_mode](*(torch.from_numpy(np.ascontiguousarray(each)) for each in pair))
        mixed_linear = mixed.numpy() if mode.light == "linear" else linear_of(mixed.numpy())
        if mode.coverage == "union":
            joined = alpha + weight - alpha * weight
            colour = (colour * alpha * (1 - weight) + mixed_linear * weight) / np.maximum(joined, 1e-12)
            alpha = joined
        else:
            weight = weight * (alpha > 0)
            colour = colour * (1 - weight) + mixed_linear * weight
    encoded = encoded_of(np.clip(colour, 0, 1))
    return np.concatenate((encoded * alpha, alpha[None])).transpose(1, 2, 0)


def reference(document: Document, background: Colour | None = None) -> Array:
    """Premultiplied [B, H, W, 4]: where there is no coverage, the colour is nobody's business."""
    return np.stack([reference_frame(document, frame, background) for frame in range(document.frames)])


def premultiplied(result: Tensor) -> Array:
    pixels = result.double().numpy()
    alpha = pixels[..., 3:] if pixels.shape[3] == 4 else np.ones((*pixels.shape[:3], 1))
    return np.concatenate((pixels[..., :3] * alpha, alpha), axis=3)


# --- documents -----------------------------------------------------------------------------------------


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def picture(
    seed: int, width: int = WIDTH, height: int = HEIGHT, channels: int = 3, frames: int = 1
) -> Tensor:
    return noise(seed, frames, height, width, channels)


def disc(width: int, height: int) -> Tensor:
    """A layer mask that leaves a soft-edged ellipse visible."""
    y, x = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)[None]
    return ((x * x + y * y).sqrt() * 4 - 2).clamp(0, 1)[None]


def document(*items: dict[str, Any], width: int = WIDTH, height: int = HEIGHT) -> Document:
    return parse_document({"canvas": (width, height), "layers": list(items)}, Limits())


def base() -> dict[str, Any]:
    return {"image": picture(1)}


def part(**fields: Any) -> dict[str, Any]:
    return {"image": picture(2, 40, 30), "mask": disc(40, 30), "x": 20, "y": 15, **fields}


def check(
    given: Document, background: Colour | None = None, *, within: float = 0.05, quantile: float = 1.0
) -> None:
    result = composite(given, background)
    assert result.dtype == torch.float32
    error = np.abs(premultiplied(result) - reference(given, background)) * 255
    assert np.quantile(error, quantile) < within


SCENES: dict[str, list[dict[str, Any]]] = {
    "a base alone": [base()],
    "a base larger than the canvas": [{"image": picture(1, 120, 90), "x": -10, "y": -5}],
    "a resized base": [{"image": picture(1, 50, 40), "w": WIDTH, "h": HEIGHT}],
    "a base smaller than the canvas": [{"image": picture(1, 50, 40)}],
    "a half transparent base": [{**base(), "opacity": 0.5}, part()],
    "a flipped base": [{**base(), "flip_h": True, "flip_v": True}],
    "inside": [base(), part()],
    "off the left": [base(), part(x=-25)],
    "off the right": [base(), part(x=80)],
    "off the top": [base(), part(y=-12)],
    "off the bottom": [base(), part(y=61)],
    "over every edge": [base(), part(x=-10, y=-10, w=130, h=100)],
    "fully off each side": [base(), part(x=-40), part(x=97), part(y=-30), part(y=70), part(x=-900, y=900)],
    "fully off and resized": [base(), part(x=-80, w=60), part(y=200, h=60), part(x=500, w=20, h=10)],
    "all off the canvas": [part(x=200)],
    "resized off each side": [base(), part(x=-9, w=60), part(x=80, w=25), part(y=-9, h=50), part(y=61, h=20)],
    "enlarged": [base(), part(w=77, h=64)],
    "reduced": [base(), part(w=13, h=7)],
    "one axis resized": [base(), part(w=60), part(h=12)],
    "one pixel": [base(), {"image": picture(5, 1, 1), "x": 50, "y": 30}],
    "one pixel enlarged": [base(), {"image": picture(5, 1, 1), "x": 50, "y": 30, "w": 20, "h": 9}],
    "shrunk to one pixel": [base(), part(w=1, h=1)],
    "a smaller mask": [base(), part(mask=disc(13, 9))],
    "a larger mask": [base(), part(mask=disc(80, 77), w=50, h=50)],
    "a mask out of range": [base(), part(mask=disc(40, 30) * 3 - 1)],
    "opacity": [base(), part(opacity=0.3), part(x=40, opacity=0.9), part(x=30, opacity=0)],
    "z order": [part(z_index=2), part(x=30, z_index=1, image=picture(7, 40, 30)), base()],
    "hidden layers": [{**base(), "visible": False}, base(), part(visible=False)],
    "a hidden base": [{**base(), "visible": False}, part()],
    "flipped": [base(), part(flip_h=True), part(x=50, flip_v=True), part(w=50, flip_h=True, flip_v=True)],
    "flipped, off and resized": [base(), part(x=-21, y=-7, w=70, h=66, flip_h=True, flip_v=True)],
    "straight alpha": [base(), part(image=picture(3, 40, 30, 4)), {"image": picture(4, 30, 40, 4), "x": 50}],
    "straight alpha, resized": [base(), part(image=picture(3, 40, 30, 4), w=60, h=50)],
    "transparent canvas": [part(), part(x=35, y=25, opacity=0.5), part(x=35, y=5, blend_mode="multiply")],
    "a mode on nothing": [part(blend_mode="multiply"), part(x=40)],
    "quarter turns": [base(), *(part(x=5 + 25 * n, rotation=n * math.pi / 2, opacity=0.8) for n in range(4))],
    "quarter turns to between pixels": [
        base(), *(part(x=22 * n, y=9 * n, w=41, rotation=(n - 2) * math.pi / 2) for n in range(4))
    ],
    "quarter turns of flips": [
        base(), *(part(x=25 * n, flip_h=n > 1, flip_v=n != 2, rotation=-math.pi / 2) for n in range(4))
    ],
    "turned and off": [
        base(), part(x=-15, y=55, rotation=math.pi / 2), part(x=75, y=-12, w=60, h=50, rotation=math.pi)
    ],
}  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_equal_the_reference(scene: str) -> None:
    check(document(*SCENES[scene]))


@pytest.mark.parametrize("scene", ["transparent canvas", "all off the canvas", "a mode on nothing", "inside"])
def test_scenes_over_a_background_equal_the_reference_and_are_opaque(scene: str) -> None:
    given = document(*SCENES[scene])
    check(given, (0.9, 0.4, 0.02))
    assert composite(given, (0.9, 0.4, 0.02)).shape[3] == 3


@pytest.mark.parametrize("canvas", ["opaque", "transparent"])
@pytest.mark.parametrize("mode", BLEND_MODES)
def test_every_mode_equals_the_reference(mode: str, canvas: str) -> None:
    under = base() if canvas == "opaque" else part(x=30, y=20)
    top = part(opacity=0.7, blend_mode=mode)
    # A soft-light layer above sees what the mode left, also where that is above 1 or below 0. One pixel in
    # a thousand may lie on a step or near a pole of its mode.
    check(document(under, top, part(x=25, blend_mode="soft-light")), within=0.03, quantile=0.999)


@pytest.mark.parametrize(
    ("images", "masks"), [((1, 3), (1, 3)), ((3, 1), (1, 1)), ((3, 3), (3, 1)), ((1, 3), (3, 3))]
)
def test_frames_are_composited_one_by_one(images: tuple[int, int], masks: tuple[int, int]) -> None:
    layers = [
        part(image=picture(4 + n, 40, 30, frames=images[n]), mask=noise(8 + n, masks[n], 30, 40), x=20 * n)
        for n in (0, 1)
    ]
    given = document({"image": picture(1)}, *layers)
    result = composite(given)
    assert result.shape == (3, HEIGHT, WIDTH, 3)
    check(given)
    assert not torch.equal(result[0], result[1])


def test_progress_grows_strip_by_strip_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRIP_FLOATS", 1)  # strips of eight rows, the least
    seen: list[float] = []
    half = {"image": picture(3), "opacity": 0.5}
    layers = {"image": picture(1, frames=3)}, {"image": picture(2), "seamless": True}, half
    composite(document(*layers), progress=seen.append)
    assert seen == sorted(seen)
    assert len(seen) > 3 * (HEIGHT // 8)
    assert {1 / 3, 2 / 3, 1.0} <= set(seen)


def test_what_progress_raises_ends_the_work() -> None:
    def interrupt(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        composite(document({"image": picture(1)}, {"image": picture(2), "opacity": 0.5}), progress=interrupt)


@pytest.mark.parametrize("scene", SCENES)
def test_the_size_of_strips_changes_nothing(scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = composite(document(*SCENES[scene]))
    monkeypatch.setattr(module, "STRIP_FLOATS", 1)  # strips of eight rows, the least
    # A layer that is the first of its strip spares a trip through the fitted curves: a hundredth of a level.
    torch.testing.assert_close(composite(document(*SCENES[scene])), whole, atol=0.01 / 255, rtol=0)


def test_strips_are_small() -> None:
    windows = list(module.split_strips(torch.empty(4320, 7680, 3), module.CanvasWindow(100, 2000, 0, 7680)))
    assert {3 * 7680 * (window.bottom - window.top) <= module.STRIP_FLOATS for window in windows} == {True}
    assert [windows[0].top, windows[-1].bottom] == [100, 2000]


def test_what_no_layer_touches_keeps_its_bits() -> None:
    """Between two layers too, which are converted to linear light and back together."""
    base = picture(1, WIDTH, HEIGHT)
    corner = picture(2, 8, 8)
    places = [{"x": 0, "y": 0}, {"x": WIDTH - 8, "y": HEIGHT - 8}]
    layers = [{"image": base}, *(part(image=corner, **place) for place in places)]
    result = composite(document(*layers))
    untouched = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    untouched[:8, :8] = untouched[-8:, -8:] = False
    assert torch.equal(result[0][untouched], base[0][untouched])
    assert not torch.equal(result, base)


def test_the_same_document_gives_the_same_bits() -> None:
    given = document(*SCENES["flipped, off and resized"], *SCENES["quarter turns"])
    assert torch.equal(composite(given), composite(given))


@pytest.mark.parametrize("scene", SCENES)
def test_inputs_are_never_written_nor_given_back(scene: str) -> None:
    given = document(*SCENES[scene])
    tensors = [each for layer in given.layers for each in (layer.image, layer.mask) if each is not None]
    kept = [tensor.clone() for tensor in tensors]
    result = composite(given)
    result.zero_()
    assert all(torch.equal(*pair) for pair in zip(tensors, kept, strict=True))


def test_inputs_need_not_be_contiguous() -> None:
    wide = picture(1, WIDTH * 2, HEIGHT)[:, :, ::2]
    planar = noise(3, 1, 3, 30, 40).permute(0, 2, 3, 1)
    mask = disc(30, 40).transpose(1, 2)
    views = [{"image": wide}, part(image=planar, mask=mask), part(image=planar, mask=mask, x=50, w=50)]
    copies = [
        {key: value.contiguous() if isinstance(value, Tensor) else value for key, value in view.items()}
        for view in views
    ]
    assert torch.equal(composite(document(*views)), composite(document(*copies)))


def test_what_no_layer_touches_is_the_base_bit_for_bit() -> None:
    given = document(base(), part(), part(x=45, w=20, blend_mode="screen"))
    result, image = composite(given)[0], given.layers[0].image[0]
    assert torch.equal(result[:15], image[:15])
    assert torch.equal(result[45:], image[45:])
    assert torch.equal(result[:, :20], image[:, :20])
    assert torch.equal(result[:, 65:], image[:, 65:])


@pytest.mark.parametrize("opacity", [0.0, 1.0])
def test_a_layer_without_coverage_changes_no_8_bit_level(opacity: float) -> None:
    levels = (picture(1) * 255).round()
    hidden = part(opacity=opacity, mask=torch.ones(1, 30, 40), blend_mode="difference")
    result = composite(document({"image": levels / 255}, hidden))
    assert torch.equal((result * 255).round(), levels)


@pytest.mark.parametrize(
    ("fields", "window", "kept"),
    [
        ({}, (slice(0, 30), slice(0, 40)), True),
        ({"x": -10, "y": 20}, (slice(20, 50), slice(0, 30)), True),
        ({"x": 20, "y": 15, "flip_h": True}, (slice(15, 45), slice(20, 60)), True),
        ({"x": 20, "y": 15, "mask": torch.ones(1, 30, 40)}, (slice(15, 45), slice(20, 60)), True),
        ({"w": 20, "h": 15}, (slice(0, 15), slice(0, 20)), False),
        ({"blend_mode": "multiply"}, (slice(0, 30), slice(0, 40)), False),
    ],
    ids=["whole", "off the canvas", "flipped", "masked", "resized", "another mode"],
)
def test_what_stays_transparent_keeps_the_bottom_layers_colour(
    fields: dict[str, Any], window: tuple[slice, slice], kept: bool
) -> None:
    image = torch.full((1, 30, 40, 4), 0.3)
    image[..., 3] = 0
    result = composite(document({"image": image, **fields}))[0]
    assert not result[..., 3].any()
    assert bool((result[(*window, slice(3))] == 0.3).all()) is kept
    result[(*window, slice(3))] = 0
    assert not result.any()


def test_an_opaque_result_has_three_channels_and_another_four() -> None:
    covered = {"image": picture(1, channels=4)}
    covered["image"][..., 3] = 1
    assert composite(document(covered)).shape[3] == 3
    covered["image"][0, 0, 0, 3] = 0.9
    assert composite(document(covered)).shape[3] == 4
    assert composite(document({**base(), "visible": False})).shape[3] == 4


def test_values_stay_in_range() -> None:
    modes = [part(blend_mode=mode, x=15 + n % 20, w=45) for n, mode in enumerate(BLEND_MODES)]
    result = composite(document(base(), *modes))
    assert result.isfinite().all()
    assert result.min() >= -1e-6
    assert result.max() <= 1 + 1e-6


@pytest.mark.parametrize("mode", ["normal", "soft-light"])
def test_a_huge_layer_costs_only_what_the_canvas_shows(mode: str) -> None:
    # The whole placed layer would have twelve terabytes.
    huge = Layer(picture(2, 8, 8), Box(-400_000, -600_000, 1_000_000, 1_000_000), blend_mode=mode)
    result = composite(Document(WIDTH, HEIGHT, (Layer(picture(1), Box(0, 0, WIDTH, HEIGHT)), huge)))
    assert result.shape == (1, HEIGHT, WIDTH, 3)
    if mode == "normal":
        assert (result[0] - result[0, 0, 0]).abs().max() < 1e-3


def test_a_turned_layer_is_resized_once_for_all_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    turned: list[torch.Tensor] = []  # kept, so that no two have the same id

    def recorded(planes: Tensor, *window: Any) -> Tensor:
        turned.append(planes)
        return rotate_window(planes, *window)

    monkeypatch.setattr(placed_module, "rotate_window", recorded)
    monkeypatch.setattr(module, "STRIP_FLOATS", 1)
    composite(document(base(), part(rotation=0.3, w=80, h=60)))
    assert len({id(planes) for planes in turned}) == 1 < len(turned)
