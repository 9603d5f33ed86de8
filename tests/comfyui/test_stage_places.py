"""The stage where people use it: on a small screen, in a light theme, by touch, inside a subgraph, in large.

Opening ComfyUI takes some 10 seconds for each renderer and frontend.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.stage_page import StagePage

SQUARE = (100, 0, 400, 400)  # galaxies.jpg, contained on coffee.jpg


@pytest.fixture
def page(stage_canvas: Canvas) -> StagePage:
    """A base and two overlays."""
    return StagePage(stage_canvas, ["coffee.jpg", "galaxies.jpg"])


@pytest.fixture
def small_screen(stage_canvas: Canvas) -> Iterator[None]:
    stage_canvas.page.set_viewport_size({"width": 1280, "height": 720})
    yield
    stage_canvas.page.set_viewport_size({"width": 1600, "height": 1000})


def test_a_layer_is_dragged_on_a_small_screen(small_screen: None, page: StagePage) -> None:
    page.hold("Alt")
    page.drag((300, 200), (360, 200))
    page.let_go("Alt")
    assert page.widget("offset_x") == pytest.approx(10, abs=1)


def test_a_layer_is_dragged_by_touch(page: StagePage) -> None:
    before = page.state()
    page.touch((300, 200), (390, 200), halfway=lambda: page.state() == before)
    assert page.widget("offset_x") == pytest.approx(15, abs=2)
    page.command("Comfy.Undo")
    assert page.state() == before


def test_a_stage_inside_a_subgraph_works_as_outside(page: StagePage) -> None:
    page.enter_subgraph()
    assert page.box(2) == SQUARE
    page.press("ArrowRight")
    assert page.box(2) == (101, 0, 400, 400)
    assert page.note() == ""
    page.leave_subgraph()
    [inputs] = [
        node["inputs"] for node in page.canvas.prompt().values() if node["class_type"] == "MultiEditCompose"
    ]
    assert inputs["offset_x"] == pytest.approx(100 / 600, abs=0.01)


def test_text_can_be_read_in_a_light_theme(page: StagePage) -> None:
    with page.theme("light"):
        for text, ground in page.contrasts():
            assert abs(text - ground) > 90, (text, ground)


def test_controls_are_named_and_large_enough(page: StagePage) -> None:
    controls = page.controls()
    assert [name for name, _, _ in controls if not name] == []
    assert [name for name, width, height in controls if min(width, height) < 24] == []


def test_the_large_view_has_the_layers_their_numbers_and_zoom(page: StagePage) -> None:
    page.press("Enter")
    dialog = page.canvas.page.get_by_role("dialog", name="Large view")
    [option] = dialog.get_by_role("listbox", name="Layers").get_by_role("option").all()
    assert option.inner_text() == "Image 2 \u00b7 normal"
    dialog.get_by_label("Rotation").fill("30")
    dialog.get_by_label("Rotation").press("Enter")
    page.settle()
    assert page.widget("rotation") == 30
    view = dialog.locator("canvas[role=application]")
    view.press("Shift+ArrowRight")
    assert page.box(2) == (110, 0, 400, 400)
    view.press("Control+z")
    page.settle()
    assert page.box(2) == SQUARE
    assert page.widget("rotation") == 30
    before = page.opaque_share(view)
    dialog.get_by_role("button", name="Zoom in").click()
    dialog.get_by_role("button", name="Zoom in").click()
    page.settle()
    assert page.opaque_share(view) > before
    page.canvas.page.keyboard.press("Escape")
    page.settle()
    assert page.canvas.page.get_by_role("dialog", name="Large view").count() == 0
    assert page.widget("rotation") == 30
