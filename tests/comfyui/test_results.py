"""What nodes show of their last run on ComfyUI's page: before and after, Safe Mode's decision.

Opening ComfyUI takes some 10 seconds for each renderer and frontend.
"""

from __future__ import annotations

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.part_view import Nodes, PartView, build
from multiedit.tests.support.stage_page import StagePage

RED, BLUE, GREEN = (0xCC, 0x22, 0x11), (0x22, 0x33, 0xDD), (0x22, 0xAA, 0x33)
# Whether the view is filled up to its sides or its top, where layers leave a rim.
FILLS = """
view => [[1, view.height / 2], [view.width / 2, 1]]
  .some(place => view.getContext('2d').getImageData(...place, 1, 1).data[3] === 255)
"""
LEFT, RIGHT = (0.45, 0.5), (0.55, 0.5)


def plain(colour: tuple[int, int, int]) -> tuple[str, dict[str, int], dict[str, tuple[str, int]]]:
    value = colour[0] << 16 | colour[1] << 8 | colour[2]
    return "EmptyImage", {"width": 256, "height": 256, "color": value}, {}


def run(canvas: Canvas, server: Server, nodes: Nodes) -> dict[str, str]:
    """Build a graph and press Run; the ids of its nodes."""
    ids = build(canvas, nodes)
    ran = canvas.press_run(server)
    assert "execution_success" in ran.events, ran.error
    return ids


def test_two_images_are_compared_by_a_slider(stage_canvas: Canvas, stage_server: Server) -> None:
    ids = run(
        stage_canvas,
        stage_server,
        {
            "red": plain(RED),
            "blue": plain(BLUE),
            "compare": ("MultiEditCompare", {}, {"before": ("red", 0), "after": ("blue", 0)}),
        },
    )
    view = PartView(stage_canvas, ids["compare"])
    view.wait_for_colour(LEFT, RED)
    view.wait_for_colour(RIGHT, BLUE)
    view.drag((0.5, 0.5), (0.58, 0.5))
    view.wait_for_colour(RIGHT, RED)
    view.click("Difference")
    view.wait_for_colour(RIGHT, tuple(abs(a - b) for a, b in zip(RED, BLUE, strict=True)))  # type: ignore[arg-type]
    assert set(stage_canvas.prompt()[ids["compare"]]["inputs"]) == {"before", "after"}
    [node] = [node for node in stage_canvas.graph()["nodes"] if str(node["id"]) == ids["compare"]]
    assert not node.get("widgets_values")


CHAIN: Nodes = {
    "base": plain(RED),
    "overlay": plain(BLUE),
    "edit": (
        "MultiEditEdit",
        {"model": "layer-composite"},
        {"image_1": ("base", 0), "image_2": ("overlay", 0)},
    ),
}


def test_an_edit_is_compared_with_its_base_and_survives_an_undo(
    stage_canvas: Canvas, stage_server: Server
) -> None:
    save = "MultiEditSave", {}, {"images": ("edit", 0), "before": ("base", 0)}
    ids = run(stage_canvas, stage_server, {**CHAIN, "save": save})
    for node in ("edit", "save"):
        PartView(stage_canvas, ids[node]).wait_for_colour(LEFT, RED)
        PartView(stage_canvas, ids[node]).wait_for_colour(RIGHT, BLUE)
    widget = f"app.graph.getNodeById({ids['edit']}).widgets.find(each => each.name === 'seed')"
    stage_canvas.page.evaluate(f"{widget}.value = 7")
    stage_canvas.page.evaluate(
        "() => {const {changeTracker} = app.extensionManager.workflow.activeWorkflow;"
        "(changeTracker.captureCanvasState ?? changeTracker.checkState).call(changeTracker)}"
    )
    stage_canvas.page.evaluate("async () => app.extensionManager.command.execute('Comfy.Undo')")
    assert stage_canvas.page.evaluate(f"{widget}.value") == 0
    PartView(stage_canvas, ids["edit"]).wait_for_colour(RIGHT, BLUE)


@pytest.mark.parametrize(("score", "words"), [(0.0, "Blurred"), (1.0, "Passed")])
def test_safe_mode_says_what_it_decided_and_the_edit_before_it_shows_no_more(
    stage_canvas: Canvas, stage_server: Server, score: float, words: str
) -> None:
    screen = "MultiEditSafeMode", {"threshold": "custom", "threshold.score": score}, {"image": ("edit", 0)}
    save = "MultiEditSave", {}, {"images": ("screen", 0)}
    ids = run(stage_canvas, stage_server, {**CHAIN, "screen": screen, "save": save})
    screened = PartView(stage_canvas, ids["screen"])
    screened.wait_for_colour(RIGHT, BLUE, within=16)  # a blurred plain colour is nearly itself
    assert screened.words().startswith(f"{words} \u00b7 ")
    edit = PartView(stage_canvas, ids["edit"])
    edit.wait_for_colour(RIGHT, screened.colour(*RIGHT)[:3], within=2)  # type: ignore[arg-type]
    assert not PartView(stage_canvas, ids["save"]).shows


def test_compose_layers_shows_the_result_of_its_run(stage_canvas: Canvas, stage_server: Server) -> None:
    page = StagePage(stage_canvas, ["coffee.jpg", "galaxies.jpg"])
    ran = stage_canvas.press_run(stage_server)
    assert "execution_success" in ran.events, ran.error
    page.click("Result of the last run")
    page.settle()
    pressed = stage_canvas.page.get_by_role("button", name="Result of the last run").first
    assert pressed.get_attribute("aria-pressed") == "true"
    assert page.view.evaluate(FILLS)
    page.press("ArrowRight")
    page.settle()
    assert pressed.get_attribute("aria-pressed") == "false"
