"""The embedded adapter on real photographs: placing, masks, exact pixels, limits."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from multiedit.pipelines.adapters.base import EditOutput
from multiedit.pipelines.adapters.composite import CompositeAdapter
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.pipelines.planning.plan import EditPlan, make_plan
from multiedit.pipelines.planning.request import parse_request
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "samples"
LIMITS = Limits()
COFFEE, GALAXIES, MASK = (
    (EXAMPLES / name).read_bytes() for name in ("coffee.jpg", "galaxies.jpg", "coffee-mask.png")
)


def _edit(*files: bytes, **fields: object) -> tuple[EditPlan, torch.Tensor]:
    plan, output = _run(*files, **fields)
    return plan, output.image


def _run(*files: bytes, **fields: object) -> tuple[EditPlan, EditOutput]:
    multiedit = fields.pop("multiedit", {})
    request = parse_request(
        {
            "prompt": "put the sky into the cup",
            "images": ["x"] * len(files),
            "multiedit": multiedit,
            **fields,
        },
        LIMITS,
    )
    pictures = [ImageFile(data, LIMITS, f"image {number}") for number, data in enumerate(files, start=1)]
    facts = [picture.facts(detect_mask=True) for picture in pictures]
    plan = make_plan(request, facts, load_catalog(), {"layer-composite": "layer-composite"})
    return plan, CompositeAdapter(LIMITS).run(plan, pictures, lambda share: None)


def _notes(*files: bytes, **fields: object) -> tuple[str, ...]:
    return _run(*files, **fields)[1].notes


def _pixels(data: bytes) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) / np.float32(255))


def test_a_masked_edit_keeps_every_pixel_outside_the_mask() -> None:
    plan, result = _edit(COFFEE, GALAXIES, MASK, multiedit={"keep_size": True})
    assert plan.roles == ("base", "overlay", "mask")
    mask = torch.from_numpy(np.asarray(Image.open(io.BytesIO(MASK)).convert("L")).copy())
    base = _pixels(COFFEE)
    assert torch.equal(result[0][mask == 0], base[mask == 0])
    assert (result[0][mask == 255] - base[mask == 255]).abs().mean() > 0.2


@pytest.mark.parametrize(
    ("placement", "said"),
    [
        ({}, False),
        ({"opacity": 0.0}, True),
        ({"opacity": 1e-5}, True),
        ({"offset_x": 200}, True),
        ({"visible": False}, True),
        ({"z": -1}, True),
        ({"offset_x": 50}, False),
        ({"blend_mode": "multiply"}, False),
    ],
)
@pytest.mark.parametrize("size", [{"keep_size": True}, {}])
def test_an_edit_that_changes_no_pixel_says_so(
    placement: dict[str, object], said: bool, size: dict[str, object]
) -> None:
    notes = _notes(COFFEE, GALAXIES, multiedit={**size, "placement": {"2": placement}})
    assert any("changes no pixel" in note for note in notes) is said


def test_an_overlay_outside_the_mask_changes_no_pixel() -> None:
    extras = {"roles": {"3": "mask"}, "placement": {"2": {"fit": "none", "anchor": "right", "scale": 0.1}}}
    left = io.BytesIO()
    mask = Image.new("L", (600, 400))
    mask.paste(255, (0, 0, 100, 400))
    mask.save(left, "png")
    assert any(
        "changes no pixel" in note for note in _notes(COFFEE, GALAXIES, left.getvalue(), multiedit=extras)
    )


def test_z_orders_the_overlays() -> None:
    tints = []
    for color in ("red", "blue"):
        file = io.BytesIO()
        Image.new("RGB", (600, 400), color).save(file, "png")
        tints.append(file.getvalue())
    extras = {"roles": {"2": "overlay", "3": "overlay"}, "placement": {"2": {"z": 1}}, "keep_size": True}
    _, result = _edit(COFFEE, *tints, multiedit=extras)
    assert torch.equal(result[0, 0, 0], torch.tensor([1.0, 0.0, 0.0]))


def test_a_single_image_comes_back_as_it_is() -> None:
    _, result = _edit(COFFEE, multiedit={"keep_size": True})
    assert torch.equal(result[0], _pixels(COFFEE))


@pytest.mark.parametrize("ratio", ["1:1", "16:9", "9:16", "21:9", "4:5"])
def test_the_result_has_the_plans_size_and_nothing_is_distorted(ratio: str) -> None:
    plan, result = _edit(COFFEE, aspect_ratio=ratio, resolution="1K")
    assert result.shape == (1, plan.height, plan.width, 3)
    width, height = 600, 400
    scale = max(plan.width / width, plan.height / height)
    window = (plan.width / scale, plan.height / scale)
    box = (
        (width - window[0]) / 2,
        (height - window[1]) / 2,
        (width + window[0]) / 2,
        (height + window[1]) / 2,
    )
    expected = Image.open(io.BytesIO(COFFEE)).resize((64, 64), Image.Resampling.BOX, box=box)
    found = Image.fromarray((result[0].numpy() * 255).astype(np.uint8)).resize((64, 64), Image.Resampling.BOX)
    difference = np.asarray(expected).astype(float) - np.asarray(found)
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize(
    ("placement", "inside", "outside"),
    [
        ({}, (200, 300), (200, 50)),  # contained and centred: 400 of 600 columns
        ({"anchor": "left"}, (200, 50), (200, 550)),
        ({"scale": 0.25, "anchor": "bottom-right"}, (380, 580), (200, 300)),
        ({"scale": 0.25, "anchor": "top-left", "offset_x": 50}, (20, 320), (20, 20)),
        ({"fit": "cover"}, (200, 50), None),
        ({"fit": "none"}, (5, 5), None),  # 640x640 over 600x400
    ],
)
def test_an_overlay_lies_where_its_placement_puts_it(
    placement: dict[str, object], inside: tuple[int, int], outside: tuple[int, int] | None
) -> None:
    white = io.BytesIO()
    Image.new("RGB", (640, 640), "white").save(white, "png")
    multiedit = {"keep_size": True, "roles": {"2": "overlay"}, "placement": {"2": placement}}
    _, result = _edit(COFFEE, white.getvalue(), multiedit=multiedit)
    assert (result[0][inside] > 0.999).all()
    if outside is not None:
        assert torch.allclose(result[0][outside], _pixels(COFFEE)[outside], atol=1e-4)


def test_a_seamless_overlay_takes_on_the_light_of_its_place() -> None:
    common = {"keep_size": True, "roles": {"2": "overlay"}}
    placement = {"scale": 0.5, "anchor": "right"}
    _, plain = _edit(COFFEE, GALAXIES, multiedit={**common, "placement": {"2": placement}})
    _, blended = _edit(
        COFFEE, GALAXIES, multiedit={**common, "placement": {"2": {**placement, "seamless": True}}}
    )
    base = _pixels(COFFEE)
    rows, column = slice(105, 295), 401  # just inside the overlay's left border
    assert (plain[0][rows, column] - base[rows, column]).abs().mean() > 0.1
    assert (blended[0][rows, column] - base[rows, column]).abs().mean() < 0.06


def test_the_same_plan_gives_the_same_pixels() -> None:
    assert torch.equal(_edit(COFFEE, GALAXIES, MASK)[1], _edit(COFFEE, GALAXIES, MASK)[1])


def test_an_overlay_that_would_be_enormous_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"image 2 .* smaller scale") as caught:
        _edit(COFFEE, GALAXIES, multiedit={"placement": {"2": {"scale": 100}}})
    assert caught.value.field == "multiedit.placement.2.scale"


def test_an_enlarged_overlay_far_off_the_canvas_costs_only_what_is_seen() -> None:
    placement = {"scale": 7, "offset_x": 100}
    _, result = _edit(COFFEE, GALAXIES, multiedit={"keep_size": True, "placement": {"2": placement}})
    assert result.shape == (1, 400, 600, 3)


def test_a_base_that_would_be_enormous_to_cover_the_canvas_is_refused() -> None:
    strip = io.BytesIO()
    Image.new("L", (64, 100_000)).save(strip, "png")
    with pytest.raises(InvalidRequest, match=r"image 1 .* 1024x1600000 .* Crop it") as caught:
        _edit(strip.getvalue(), aspect_ratio="1:1")
    assert caught.value.field == "aspect_ratio"
