"""What an edit may change, on the stage of Multi-Edit: its mask, and what `extend` adds.

Opening ComfyUI takes some 10 seconds for each renderer and frontend.
"""

from __future__ import annotations

from typing import Any

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.part_view import Nodes, PartView, build
from PIL import Image

GREY, TINTED = (128, 128, 128), (185, 97, 118)
LEFT, RIGHT = (0.35, 0.5), (0.65, 0.5)
PAINTED = "painted left.png"


@pytest.fixture
def base(stage_server: Server) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A grey image, painted on the left as the mask editor saves it."""
    image = Image.new("RGBA", (600, 400), (*GREY, 255))
    image.paste((*GREY, 0), (0, 0, 300, 400))
    image.save(stage_server.base / "input" / PAINTED)
    return "LoadImage", {"image": PAINTED}, {}


def stage(canvas: Canvas, nodes: Nodes) -> tuple[PartView, dict[str, str]]:
    ids = build(canvas, nodes)
    return PartView(canvas, ids["edit"], "stage"), ids


def edit(widgets: dict[str, Any], **wires: tuple[str, int]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return "MultiEditEdit", widgets, {"image_1": ("base", 0), **wires}


def test_what_a_mask_selects_is_tinted_before_a_run(stage_canvas: Canvas, base: Any) -> None:
    view, _ = stage(stage_canvas, {"base": base, "edit": edit({"model": "from loader"}, mask=("base", 1))})
    view.wait_for_colour(LEFT, TINTED, within=12)
    view.wait_for_colour(RIGHT, GREY, within=12)


def test_without_mask_extension_and_overlay_there_is_no_stage(stage_canvas: Canvas, base: Any) -> None:
    view, _ = stage(stage_canvas, {"base": base, "edit": edit({"model": "from loader"})})
    stage_canvas.page.wait_for_timeout(900)
    assert not view.shows


def test_what_is_added_is_tinted_and_the_base_lies_beside_it(
    stage_canvas: Canvas, stage_server: Server, base: Any
) -> None:
    widgets = {"model": "layer-composite", "extend": "left=100%,fill=#3366cc"}
    nodes = {"base": base, "edit": edit(widgets), "save": ("SaveImage", {}, {"images": ("edit", 0)})}
    view, ids = stage(stage_canvas, nodes)
    blue = tuple(round(0.55 * a + 0.45 * b) for a, b in zip((0x33, 0x66, 0xCC), (255, 59, 107), strict=True))
    view.wait_for_colour(LEFT, blue, within=12)  # type: ignore[arg-type]
    view.wait_for_colour(RIGHT, GREY, within=12)
    run = stage_canvas.press_run(stage_server)
    [file] = run.files(ids["save"])
    with Image.open(stage_server.base / "output" / file["filename"]) as result:
        assert result.size == (1200, 400)


def test_an_extension_that_cannot_be_read_is_said(stage_canvas: Canvas, base: Any) -> None:
    view, _ = stage(
        stage_canvas, {"base": base, "edit": edit({"model": "layer-composite", "extend": "left"})}
    )
    view.wait_for_note("extend cannot be read")


def test_a_mask_that_a_node_makes_is_tinted_after_a_run(
    stage_canvas: Canvas, stage_server: Server, base: Any
) -> None:
    made = "SolidMask", {"value": 1.0, "width": 60, "height": 40}, {}
    nodes = {
        "base": base,
        "made": made,
        "edit": edit({"model": "layer-composite"}, mask=("made", 0)),
        "save": ("SaveImage", {}, {"images": ("edit", 0)}),
    }
    view, _ = stage(stage_canvas, nodes)
    view.wait_for_note("before a run")
    run = stage_canvas.press_run(stage_server)
    assert "execution_success" in run.events, run.error
    view.wait_for_colour(RIGHT, TINTED, within=12)
    view.wait_for_note("Connect another image")
