"""Seamless blending: the membrane against a dense direct solve, and what it does to pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.layers.composite import composite
from multiedit.pipelines.layers.document import Document, parse_document
from multiedit.pipelines.layers.membrane import enlarge, membrane
from multiedit.pipelines.layers.placed import PlacedLayer
from multiedit.pipelines.layers.seamless import seamless_layer
from numpy.typing import NDArray
from torch import Tensor

WIDTH, HEIGHT = 90, 70


def noise(seed: int, *shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def disc(height: int, width: int, radius: float = 0.9) -> Tensor:
    """Alpha of an ellipse, hard-edged."""
    y, x = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)[None]
    return ((x * x + y * y).sqrt() <= radius).float()


def ring(height: int, width: int) -> Tensor:
    return disc(height, width) - disc(height, width, 0.4)


def dense(difference: Tensor, body: Tensor) -> NDArray[np.float64]:
    """The membrane by numpy.linalg.solve: the rim of the body is given, its inside is harmonic."""
    height, width = body.shape
    inside = np.zeros((height + 2, width + 2), bool)
    inside[1:-1, 1:-1] = body.numpy() >= 0.5
    around = [inside[1 + y : height + 1 + y, 1 + x : width + 1 + x] for y in (-1, 0, 1) for x in (-1, 0, 1)]
    interior = np.logical_and.reduce(around)
    result = np.where(inside[1:-1, 1:-1], difference.double().numpy(), 0.0)
    cells = np.argwhere(interior)
    number = {tuple(cell): index for index, cell in enumerate(cells)}
    matrix = np.eye(len(cells)) * 4
    given = np.zeros((len(cells), 3))
    for index, (row, column) in enumerate(cells):
        for neighbour in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if neighbour in number:
                matrix[index, number[neighbour]] = -1
            else:
                given[index] += result[:, neighbour[0], neighbour[1]]
    if len(cells):
        result[:, interior] = np.linalg.solve(matrix, given).T
    return result


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3), (2, 7), (3, 8), (12, 9), (24, 31)])
def test_a_rectangles_membrane_is_the_direct_solution(size: tuple[int, int]) -> None:
    difference = noise(1, 3, *size) - 0.5
    expected = dense(difference, torch.ones(size))
    for alpha in (None, torch.ones(size)):
        np.testing.assert_allclose(membrane(difference, alpha).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(
    "body", [disc(30, 40), disc(41, 25), ring(36, 36), disc(20, 20, 0.3), disc(24, 24, 2)]
)
def test_a_cut_outs_membrane_is_the_direct_solution(body: Tensor) -> None:
    difference = noise(2, 3, *body.shape) - 0.5
    found = membrane(difference, body).numpy()
    inside = body.numpy() >= 0.5
    expected = dense(difference, body)
    assert np.abs(found - expected)[:, inside].max() * 255 < 0.3


def test_several_cut_outs_in_one_layer_are_solved_apart() -> None:
    body = torch.cat((disc(24, 24), torch.zeros(24, 5), disc(24, 24)), dim=1)
    difference = torch.zeros(3, 24, 53)
    difference[:, :, 27:] = 0.5
    found = membrane(difference, body)
    assert found[:, 12, 12].abs().max() < 1e-3
    assert (found[:, 12, 41] - 0.5).abs().max() < 1e-3


def test_a_large_cut_out_is_solved_smaller_and_still_meets_its_border() -> None:
    y, x = torch.linspace(0, 1, 600)[:, None], torch.linspace(0, 1, 700)[None]
    light = torch.stack((0.5 * x + 0 * y, 0.3 * y + 0 * x, 0.5 * x - y))  # harmonic: its own membrane
    body = disc(600, 700)
    found = torch.stack([enlarge(cells, (600, 700)) for cells in membrane(light, body)])
    assert (found - light)[:, body >= 0.5].abs().max() * 255 < 1.5


def test_nothing_solid_has_no_membrane() -> None:
    assert not membrane(noise(3, 3, 8, 9), torch.full((8, 9), 0.3)).any()


# --- in documents --------------------------------------------------------------------------------------


def scene(seed: int = 1, width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """A picture with broad light, detail and grain, well inside 0..1."""
    y, x = torch.linspace(0, 3, height)[:, None], torch.linspace(0, 4, width)[None]
    broad = torch.stack([torch.sin(x + phase) * torch.cos(y) for phase in (0.0, 0.5, 1.0)], dim=2)
    return (0.5 + 0.15 * broad + 0.05 * noise(seed, height, width, 3))[None]


def document(*items: dict[str, Any], width: int = WIDTH, height: int = HEIGHT) -> Document:
    return parse_document({"canvas": (width, height), "layers": list(items)}, Limits())


def placed(image: Tensor, x: int, y: int, **fields: Any) -> dict[str, Any]:
    """A layer put at x, y by an offset in percent, which is how placement says it."""
    where = {"fit": "none", "anchor": "top-left", "offset_x": x / WIDTH * 100, "offset_y": y / HEIGHT * 100}
    return {"image": image, "placement": {**where, "seamless": True, **fields.pop("placement", {})}, **fields}


MASKS = {
    "none": {},
    "hard": {"mask": 1 - disc(30, 40)[None]},
    "soft": {"mask": 1 - torch.nn.functional.avg_pool2d(disc(30, 40, 0.7)[None], 9, 1, 4)},
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shift", [0.15, -0.2, (0.1, 0.0, -0.1)])
def test_a_constant_shift_of_light_is_removed(mask: str, shift: object) -> None:
    base = scene()
    shifted = base[:, 20:50, 30:70] + torch.tensor(shift)
    result = composite(document({"image": base}, placed(shifted, 30, 20, **MASKS[mask])))
    assert (result - base).abs().max() * 255 < 0.5


def test_an_object_takes_the_mean_light_of_its_place_and_keeps_its_detail() -> None:
    ramp = torch.linspace(0.2, 0.8, WIDTH)[None, None, :, None].expand(1, HEIGHT, WIDTH, 3)
    pattern = 0.02 * noise(5, 1, 30, 40, 3)
    pattern[:, [0, -1]] = pattern[:, :, [0, -1]] = 0
    result = composite(document({"image": ramp}, placed(0.5 + pattern, 30, 20)))[:, 20:50, 30:70]
    assert (result - ramp[:, 20:50, 30:70] - pattern).abs().max() * 255 < 0.5
    assert (result.mean() - ramp[:, 20:50, 30:70].mean() - pattern.mean()).abs() < 1e-3


@pytest.mark.parametrize("fields", [{}, {"opacity": 0.5}, {"blend_mode": "multiply"}, {"rotation": 0.3}])
def test_outside_the_cut_out_no_8_bit_level_changes(fields: dict[str, Any]) -> None:
    levels = (scene() * 255).round()
    layer = placed(scene(7)[:, :30, :40], 30, 20, mask=1 - disc(30, 40, 0.6)[None], **fields)
    result = (composite(document({"image": levels / 255}, layer)) * 255).round()
    changed = (result != levels).any(dim=3)[0]
    assert changed.any()
    if "rotation" not in fields:
        assert not changed[20:50, 30:70][disc(30, 40, 0.6) == 0].any()
    changed[20:50, 30:70] = False
    assert not changed.any()


def test_a_border_meets_what_lies_under_it() -> None:
    base = scene()
    result = composite(document({"image": base}, placed(scene(9)[:, :30, :40] * 0.5, 30, 20)))
    rim = torch.ones(30, 40, dtype=torch.bool)
    rim[1:-1, 1:-1] = False
    assert (result - base)[:, 20:50, 30:70][:, rim].abs().max() * 255 < 0.1


PARTS = {
    "off the left": placed(scene(3)[:, :30, :40], -15, 20),
    "off the right": placed(scene(3)[:, :30, :40], 70, 20),
    "off the top": placed(scene(3)[:, :30, :40], 30, -12),
    "off the bottom": placed(scene(3)[:, :30, :40], 30, 60),
    "over every edge": placed(scene(3)[:, :30, :40], -50, -50, placement={"scale": 6}),
    "enlarged": placed(scene(3)[:, :30, :40], 10, 10, placement={"scale": 1.5}),
    "enlarged and off the left": placed(scene(3)[:, :30, :40], -20, 10, placement={"scale": 1.5}),
    "reduced and off the right": placed(scene(3), 70, 30, placement={"scale": 0.5}),
    "reduced and off the top left": placed(scene(3), -30, -20, placement={"scale": 0.5}),
    "flipped": placed(scene(3)[:, :30, :40], -5, 10, flip_h=True, flip_v=True),
    "turned": placed(scene(3)[:, :30, :40], 20, 10, rotation=0.4),
    "turned and off": placed(scene(3)[:, :30, :40], -20, 50, rotation=0.4),
    "quarter turned": placed(scene(3)[:, :30, :40], 20, 10, rotation=math.pi / 2),
    "straight alpha": placed(torch.cat((scene(3)[:, :30, :40], disc(30, 40)[None, ..., None]), 3), 20, 20),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_darker_copy_of_a_layer_blends_to_the_same(name: str) -> None:
    item = PARTS[name]
    darker = item["image"] - 0.2
    if darker.shape[3] == 4:
        darker[..., 3] += 0.2
    results = [
        composite(document({"image": scene()}, {**item, "image": each})) for each in (item["image"], darker)
    ]
    assert (results[0] - results[1]).abs().max() * 255 < 1
    assert (results[0] - scene()).abs().max() > 0.02


@pytest.mark.parametrize("name", [name for name in PARTS if "turned" not in name and "over" not in name])
def test_seamless_keeps_the_layers_place(name: str) -> None:
    # A layer that the base could have given itself: whatever is done to its light, nothing moves.
    item = PARTS[name]
    plain = {**item, "placement": {**item["placement"], "seamless": False}}
    shown = [composite(document({"image": scene()}, each))[0] for each in (plain, item)]
    touched = [(each - scene()[0]).abs().amax(dim=2) > 1e-4 for each in shown]
    outside = ~torch.nn.functional.max_pool2d(touched[0].float()[None], 3, 1, 1)[0].bool()
    assert not (touched[1] & outside).any()


@pytest.mark.parametrize("position", [(200, 20), (-60, 20), (20, 99), (20, -50), (500, -500)])
@pytest.mark.parametrize("scale", [1, 0.5, 1.4])
def test_a_layer_fully_off_the_canvas_changes_nothing(position: tuple[int, int], scale: float) -> None:
    layer = placed(scene(3)[:, :30, :40], *position, placement={"scale": scale})
    assert torch.equal(composite(document({"image": scene()}, layer)), scene())


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (1, 30)])
@pytest.mark.parametrize("solid", [True, False])
def test_tiny_layers_become_what_lies_under_them(size: tuple[int, int], solid: bool) -> None:
    height, width = size
    layer = placed(noise(4, 1, height, width, 3), 30, 20)
    if not solid:
        layer["mask"] = torch.ones(1, height, width)
        layer["mask"][0, 0, 0] = 0
    result = composite(document({"image": scene()}, layer))
    if 3 not in size:
        assert (result - scene()).abs().max() * 255 < 0.5
    assert result.isfinite().all()


def test_on_a_transparent_canvas_it_is_an_ordinary_layer() -> None:
    layer = placed(scene(3)[:, :30, :40], 30, 20, mask=1 - disc(30, 40)[None])
    plain = {**layer, "placement": {**layer["placement"], "seamless": False}}
    torch.testing.assert_close(composite(document(layer)), composite(document(plain)), atol=1e-4, rtol=0)


def test_it_blends_into_what_lies_under_it_not_into_what_lies_above() -> None:
    pair = [{"image": scene()}, placed(scene(3)[:, :30, :40] - 0.2, 30, 20)]
    whole = composite(document(*pair, {"image": noise(6, 1, 20, 40, 3), "x": 30, "y": 50}))
    torch.testing.assert_close(whole[:, :50], composite(document(*pair))[:, :50], atol=1e-4, rtol=0)


def test_frames_are_solved_one_by_one() -> None:
    bases = torch.cat((scene(), scene() * 0.6))
    layer = placed(scene(3)[:, :30, :40], 30, 20)
    result = composite(document({"image": bases}, layer))
    for frame in (0, 1):
        alone = composite(document({"image": bases[frame][None]}, layer))
        torch.testing.assert_close(result[frame], alone[0])


def test_inputs_are_left_alone() -> None:
    layer = placed(scene(3)[:, :30, :40], 30, 20, mask=1 - disc(30, 40)[None])
    base = scene()
    kept = [base.clone(), layer["image"].clone(), layer["mask"].clone()]
    composite(document({"image": base}, layer))
    assert all(torch.equal(*pair) for pair in zip((base, layer["image"], layer["mask"]), kept, strict=True))


def test_what_lies_far_off_the_canvas_costs_nothing() -> None:
    item = {"image": noise(1, 1, 20, 20, 3), "x": -4000, "y": -100, "w": 8000, "h": 8000, "seamless": True}
    layer = parse_document({"canvas": [WIDTH, HEIGHT], "layers": [item]}, Limits()).layers[0]
    solved = seamless_layer(PlacedLayer(layer, 0, (WIDTH, HEIGHT)), noise(2, HEIGHT, WIDTH, 3))
    assert solved.box == (-WIDTH, -HEIGHT, 3 * WIDTH, 3 * HEIGHT)
    assert solved.image.shape == (1, 3 * HEIGHT, 3 * WIDTH, 3)
