"""The stage on ComfyUI's page: hands and keys change the numbers, in both renderers and frontends.

Opening ComfyUI takes some 10 seconds for each renderer and frontend.
"""

from __future__ import annotations

import json

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.stage_page import StagePage

CANVAS = (600, 400)  # coffee.jpg, the base
SQUARE = (100, 0, 400, 400)  # galaxies.jpg, contained


@pytest.fixture
def two(stage_canvas: Canvas) -> StagePage:
    """A base and one overlay."""
    return StagePage(stage_canvas, ["coffee.jpg", "galaxies.jpg"])


@pytest.fixture
def three(stage_canvas: Canvas) -> StagePage:
    """A base and two overlays."""
    return StagePage(stage_canvas, ["coffee.jpg", "galaxies.jpg", "cat.jpg"])


def test_a_drag_moves_a_lone_overlay_by_the_widgets_as_one_step(two: StagePage) -> None:
    before = two.state()
    assert two.box(2) == SQUARE
    two.hold("Alt")  # no snapping
    two.drag((300, 200), (360, 170), halfway=lambda: two.state() == before)
    two.let_go("Alt")
    assert (two.widget("offset_x"), two.widget("offset_y")) == (
        pytest.approx(10, abs=0.5),
        pytest.approx(-7.5, abs=0.5),
    )
    assert two.widget("per_image") == ""
    moved = two.state()
    two.command("Comfy.Undo")
    assert two.state() == before
    assert "x 100 px" in two.words()
    two.command("Comfy.Redo")
    assert two.state() == moved


def test_one_overlay_among_several_has_numbers_of_its_own(three: StagePage) -> None:
    three.hold("Alt")
    three.drag((300, 200), (330, 200))
    three.let_go("Alt")
    entries = json.loads(three.widget("per_image"))
    assert set(entries) == {"3"}
    assert entries["3"]["offset_x"] == pytest.approx(5, abs=0.5)
    assert three.widget("offset_x") == 0
    assert three.box(2) == SQUARE


def test_a_corner_scales_and_the_handle_rotates(two: StagePage) -> None:
    two.hold("Alt")
    two.drag((500, 400), (300, 200))
    two.let_go("Alt")
    assert two.widget("scale") == pytest.approx(0.5, abs=0.02)
    left, top, *_ = two.box(2)
    assert (left, top) == (pytest.approx(100, abs=2), pytest.approx(0, abs=2))  # the opposite corner stayed
    x, y, width, height = two.box(2)
    centre = (x + width / 2, y + height / 2)
    two.hold("Shift")
    two.drag(two.rotate_handle(2), (centre[0] + 150, centre[1]))
    two.let_go("Shift")
    assert two.widget("rotation") == 90


def test_arrows_move_by_pixels_and_other_keys_do_what_they_say(two: StagePage) -> None:
    two.press("ArrowRight", "Shift+ArrowDown")
    assert two.box(2) == (101, 10, 400, 400)
    two.press("h", "]")
    assert (two.widget("flip_h"), two.widget("rotation")) == (True, 1)
    two.command("Comfy.Undo")
    two.press("0")
    assert two.box(2) == SQUARE
    assert two.widget("flip_h") is False


def test_the_bar_changes_order_look_and_visibility(three: StagePage) -> None:
    three.choose("Blend mode", "screen")
    three.click("Move down")
    assert json.loads(three.widget("per_image")) == {"2": {"z": 1}, "3": {"blend_mode": "screen"}}
    three.click("Visible")
    assert json.loads(three.widget("per_image"))["3"] == {"blend_mode": "screen", "visible": False}
    three.choose("Layer", "2")
    three.choose("Anchor: the point that the layer is aligned to", "bottom-right")
    assert three.box(2) == SQUARE  # it stays where it is


def test_a_run_has_what_the_stage_shows_and_nothing_of_the_stage(three: StagePage) -> None:
    three.hold("Alt")
    three.drag((300, 200), (330, 200))
    three.let_go("Alt")
    workflow, prompt = three.saved(), three.canvas.prompt()
    inputs = prompt[three.node]["inputs"]
    assert "stage" not in inputs
    assert inputs["per_image"] == three.widget("per_image")
    values = next(node for node in workflow["nodes"] if str(node["id"]) == three.node)["widgets_values"]
    assert values[-1] == three.widget("per_image")
    three.open(workflow)
    assert three.canvas.prompt() == prompt
    assert three.box(2) == SQUARE


def test_a_copy_has_a_stage_of_its_own(two: StagePage) -> None:
    copy = two.duplicate()
    two.press("ArrowRight")
    assert two.box(2) == (101, 0, 400, 400)
    assert two.widget("offset_x", copy) == 0


def test_the_true_composite_is_shown_at_rest(two: StagePage) -> None:
    two.choose("Blend mode", "difference")
    two.canvas.page.wait_for_timeout(1500)
    expected = two.true_colour((300, 200), blend_mode="difference")
    found = two.colour((300, 200))
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 12


def test_a_file_that_is_chosen_anew_is_shown(two: StagePage) -> None:
    two.set_loader(1, "cat.jpg")
    two.canvas.page.wait_for_timeout(1500)
    expected = two.true_colour((20, 150))
    found = two.colour((20, 150))
    assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) <= 20


def test_an_image_that_no_file_gives_is_shown_after_a_run(two: StagePage, stage_server: Server) -> None:
    two.use_empty_image(2, 0x3366CC)
    two.settle()
    assert "before a run" in two.note()
    run = two.canvas.press_run(stage_server)
    assert "execution_success" in run.events, run.error
    two.wait_for_note("")
    two.settle()
    found = two.colour((300, 200))
    assert max(abs(a - b) for a, b in zip(found, (0x33, 0x66, 0xCC), strict=True)) <= 8


PLACING = {"blend_mode", "opacity", "fit", "anchor", "offset_x", "scale", "rotation", "flip_h", "seamless"}


def test_placement_that_has_nothing_to_place_is_hidden_and_kept(two: StagePage) -> None:
    assert two.shown() >= PLACING
    two.follow()
    assert two.shown() & PLACING == set()
    assert "canvas" in two.shown()
    before = two.state()
    two.open(two.saved())
    assert two.shown() & PLACING == set()
    assert two.state() == before
    assert two.sent()["scale"] == 0.25
    two.use_empty_image(1, 0)
    two.settle()
    assert two.shown() >= PLACING
    assert two.state() == before
