"""The shelf of Load Layered Images on ComfyUI's page: files come, swap and get masks, in both renderers.

Opening ComfyUI takes some 10 seconds for each renderer and frontend, its mask editor some 10 more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.pictures import SAMPLES
from multiedit.tests.support.shelf_page import MASK_EDITOR, ShelfPage
from PIL import Image

NONE = "none [temp]"
CENTRE = (0.5, 0.5)


@pytest.fixture
def shelf(stage_canvas: Canvas) -> ShelfPage:
    """A shelf with two files and room for a third."""
    return ShelfPage(stage_canvas, "coffee.jpg", "galaxies.jpg")


def painted(server: Server, name: str) -> Image.Image:
    """The file that a painted mask was saved in."""
    return Image.open(server.base / "input" / name.removesuffix(" [input]"))


def test_a_tile_has_the_picture_the_size_and_the_role_of_its_file(shelf: ShelfPage) -> None:
    assert [shelf.text(number) for number in (1, 2, 3)] == [
        "coffee.jpg Base \u00b7 600 x 400",
        "galaxies.jpg Image 2 \u00b7 640 x 640",
        "No image Image 3",
    ]
    assert [shelf.has_picture(number) for number in (1, 2, 3)] == [True, True, False]
    inputs = shelf.canvas.prompt()[shelf.node]["inputs"]
    assert set(inputs) & {"shelf", "image"} == set()
    [node] = [node for node in shelf.canvas.graph()["nodes"] if str(node["id"]) == shelf.node]
    assert node["widgets_values"][:3] == ["coffee.jpg", "galaxies.jpg", NONE]
    assert len(node["widgets_values"]) == 6  # with the three upload buttons


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_file_comes_by_drop_and_paste_as_one_step(
    shelf: ShelfPage, stage_server: Server, kind: str
) -> None:
    name = f"{kind}ped.png"
    shelf.give(kind, 2, [name])
    shelf.wait_for(2, name)
    assert (stage_server.base / "input" / name).is_file()
    assert shelf.files() == ["coffee.jpg", name, NONE]
    shelf.undo()
    assert shelf.files() == ["coffee.jpg", "galaxies.jpg", NONE]


def test_several_files_fill_the_tiles_that_follow(shelf: ShelfPage) -> None:
    shelf.give("drop", 2, ["first.png", "second.png", "third.png"])
    shelf.wait_for(3, "second.png")
    assert shelf.files() == ["coffee.jpg", "first.png", "second.png"]


def test_the_upload_button_of_a_tile_chooses_a_file(shelf: ShelfPage, tmp_path: Path) -> None:
    file = tmp_path / "my cup.jpg"
    file.write_bytes((SAMPLES / "coffee.jpg").read_bytes())
    with shelf.canvas.page.expect_file_chooser() as chooser:
        shelf.click("Upload image 3")
    chooser.value.set_files(file)
    shelf.wait_for(3, "my cup.jpg")
    shelf.click("Remove image 3")
    shelf.wait_for(3, NONE)


def test_tiles_swap_by_hand_and_by_keys_and_the_base_stays_a_file(shelf: ShelfPage) -> None:
    shelf.drag(1, 2)
    shelf.wait_for(1, "galaxies.jpg")
    shelf.press(2, "Shift+ArrowRight")
    assert shelf.files() == ["galaxies.jpg", NONE, "coffee.jpg"]
    shelf.press(1, "Shift+ArrowRight")
    assert shelf.files() == ["galaxies.jpg", NONE, "coffee.jpg"]
    shelf.press(3, "Delete")
    assert shelf.files() == ["galaxies.jpg", NONE, NONE]


def test_a_mask_is_painted_for_one_file_and_the_run_uses_it(shelf: ShelfPage, stage_server: Server) -> None:
    viewer = shelf.view_mask(2)
    shelf.click("Paint the mask of image 2")
    shelf.paint_in_comfyui()
    shelf.wait_until(lambda: shelf.files()[1] != "galaxies.jpg")
    assert shelf.files()[0] == "coffee.jpg"
    assert painted(stage_server, shelf.files()[1]).getchannel("A").getextrema()[0] == 0
    run = shelf.canvas.press_run(stage_server)
    assert "execution_success" in run.events, run.error
    [file] = run.files(viewer)
    mask = Image.open(stage_server.base / "temp" / file["filename"]).convert("L")
    assert (mask.size, mask.getextrema()) == ((640, 640), (0, 255))
    assert shelf.canvas.page.evaluate("app.constructor.clipspace_return_node") is None


def test_the_menus_mask_editor_paints_the_tile_that_was_used_last(
    shelf: ShelfPage, stage_server: Server
) -> None:
    shelf.press(2, "Tab")
    shelf.canvas.page.evaluate("id => app.canvas.selectNode(app.graph.getNodeById(id))", shelf.node)
    shelf.canvas.page.evaluate("name => app.extensionManager.command.execute(name)", MASK_EDITOR)
    shelf.paint_in_comfyui()
    shelf.wait_until(lambda: shelf.files()[1] != "galaxies.jpg")
    assert shelf.files()[0] == "coffee.jpg"
    picture = painted(stage_server, shelf.files()[1])
    assert (picture.size, picture.getchannel("A").getextrema()[0]) == ((640, 640), 0)


def test_our_brush_paints_where_comfyui_has_no_mask_editor(shelf: ShelfPage, stage_server: Server) -> None:
    with shelf.without_mask_editor():
        shelf.click("Paint the mask of image 1")
        shelf.paint_in_ours()
    shelf.wait_until(lambda: shelf.files()[0] != "coffee.jpg")
    picture, original = painted(stage_server, shelf.files()[0]), Image.open(SAMPLES / "coffee.jpg")
    assert picture.size == original.size
    assert picture.getpixel((300, 200)) == (*original.getpixel((300, 200)), 0)  # type: ignore[misc]
    assert picture.getpixel((5, 5)) == (*original.getpixel((5, 5)), 255)  # type: ignore[misc]
