"""The templates and the blueprint in ComfyUI's own page, in headless Chromium.

A page of ComfyUI takes 5 to 10 seconds to open.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import PACK, Server
from multiedit.tests.support.pictures import SAMPLES, PictureServer, painted_cup
from multiedit.tests.support.templates import template_file, template_names, title_of
from PIL import Image

NAMES = template_names()
UNKNOWN = "app.graph.nodes.map(node => node.type).filter(type => !(type in LiteGraph.registered_node_types))"
OPEN = "async path => app.loadGraphData(await (await fetch(path)).json())"
PAINTED = "painted.png"
FILES = ("diffusion_model", "text_encoder", "vae", "lora")
SETTLE_MS = 1000  # Nodes 2.0 measures its components in later frames
SAVED = "app.graph.nodes.find(node => node.type === 'MultiEditSave')"


# Little work for a processor, and any files that are there.
TINY = {
    **dict.fromkeys((f"MultiEditLoadModel.{part}" for part in FILES), "auto"),
    **dict.fromkeys((f"MultiEditEdit.model.{part}_megapixels" for part in ("sampling", "reference")), 0.0625),
    "LoadImage.image": PAINTED,
}


def needs_model(name: str) -> bool:
    return "MultiEditLoadModel" in {node["class_type"] for node in api_prompt(name).values()}


def open_template(canvas: Canvas, server: Server, name: str) -> None:
    canvas.page.evaluate(OPEN, f"/api/workflow_templates/{server.folder}/{template_file(name).name}")


def api_prompt(name: str) -> dict[str, Any]:
    return json.loads((PACK / "workflows" / "api" / f"{name}.json").read_text())


def test_the_first_template_runs_by_its_button(canvas: Canvas, server: Server) -> None:
    canvas.complaints.clear()
    canvas.choose_template(server.folder, title_of("compose"))
    canvas.page.wait_for_function(f"{SAVED} !== undefined")
    run = canvas.press_run(server)
    assert "execution_success" in run.events, run.error
    canvas.page.wait_for_function(f"{SAVED}.imgs?.[0]?.naturalWidth === 600")
    assert canvas.complaints == []


# Pairs of nodes that lie over each other, by their titles; a node begins with its title, above its place.
OVERLAPS = """
() => {
  const boxes = app.graph.nodes.map(node => {
    const element = document.querySelector(`[data-node-id="${node.id}"]`)
    const height = Math.max(node.size[1], (element?.offsetHeight ?? 0) - 30)
    return {title: node.title, left: node.pos[0], top: node.pos[1] - 30,
      right: node.pos[0] + Math.max(node.size[0], element?.offsetWidth ?? 0), bottom: node.pos[1] + height}
  })
  return boxes.flatMap((a, at) => boxes.slice(at + 1)
    .filter(b => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
    .map(b => [a.title, b.title]))
}
"""
RENDERERS = {"classic": False, "nodes 2.0": True}


@pytest.fixture(scope="module", params=RENDERERS)
def rendered(request: pytest.FixtureRequest, browser: Any, server: Server) -> Iterator[Canvas]:
    """A page in each renderer."""
    server.post("/settings/Comfy.VueNodes.Enabled", RENDERERS[request.param])
    page = Canvas(browser, server.url)
    yield page
    page.page.close()
    server.post("/settings/Comfy.VueNodes.Enabled", False)


# Sets widgets of every node of a type: {"MultiEditLoadUrl.url": "https://..."}.
SET = """
values => {
  for (const node of app.graph.nodes) {
    for (const widget of node.widgets ?? []) {
      const value = values[`${node.type}.${widget.name}`]
      if (value === undefined) continue
      widget.value = value
      widget.callback?.(value, app.canvas, node)
    }
  }
}
"""


def run_quietly(page: Canvas, server: Server, name: str, values: dict[str, Any] | None) -> None:
    """Open a template and run it with some widgets set: nothing overlaps, complains or warns.

    Args:
        values: None where it cannot run, since it needs a model.
    """
    page.complaints.clear()
    page.images_missing.clear()
    since = len(server.log)
    open_template(page, server, name)
    page.page.wait_for_timeout(SETTLE_MS)
    assert page.page.evaluate(OVERLAPS) == []
    if values is not None:
        page.page.evaluate(SET, values)
        run = page.press_run(server)
        assert "execution_success" in run.events, run.error
        page.page.wait_for_timeout(SETTLE_MS)
        assert page.page.evaluate(OVERLAPS) == []
    assert page.complaints == page.images_missing == []
    assert server.warnings(since) == []


# By number of the node: what its file has for each widget that is saved, and what the page shows there.
VALUES = """
saved => {
  const shown = {}, filed = {}
  for (const {id, widgets_values: values = [], widgets_values_named: named} of saved.nodes) {
    const kept = app.graph.getNodeById(id).widgets?.filter(widget => widget.serialize !== false) ?? []
    shown[id] = kept.map(widget => [widget.name, widget.value])
    filed[id] = kept.map((widget, at) => [widget.name, named ? named[widget.name] : values[at]])
    if (named && Object.keys(named).length !== kept.length) filed[id].push('of other widgets')
  }
  return [shown, filed]
}
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_template_opens_as_it_is_in_its_files(rendered: Canvas, server: Server, name: str) -> None:
    """Whose order follows the renderer, which takes seconds to open."""
    rendered.complaints.clear()
    open_template(rendered, server, name)
    rendered.page.wait_for_timeout(SETTLE_MS)
    assert rendered.page.evaluate(UNKNOWN) == []
    shown, filed = rendered.page.evaluate(VALUES, json.loads(template_file(name).read_text()))
    assert shown == filed
    assert rendered.prompt() == api_prompt(name)
    assert rendered.page.evaluate(OVERLAPS) == []
    assert rendered.complaints == []


@pytest.mark.parametrize("name", NAMES)
def test_a_template_opens_and_runs_without_a_complaint(
    rendered: Canvas, server: Server, picture_server: PictureServer, name: str
) -> None:
    """The first run of each template takes what its nodes take, 20 s for Safe Mode on a busy machine."""
    url = {"MultiEditLoadUrl.url": picture_server.address("coffee.jpg")}
    run_quietly(rendered, server, name, None if needs_model(name) else url)


@pytest.fixture(scope="module", params=RENDERERS)
def model_page(request: pytest.FixtureRequest, browser: Any, model_server: Server) -> Iterator[Canvas]:
    """A page in each renderer, of the server with tiny models."""
    painted_cup()[0].save(model_server.base / "input" / PAINTED)
    model_server.post("/settings/Comfy.VueNodes.Enabled", RENDERERS[request.param])
    page = Canvas(browser, model_server.url)
    yield page
    page.page.close()


@pytest.mark.parametrize("name", ["qwen-image-edit", "inpaint"])
def test_a_template_with_a_model_runs_without_a_complaint(
    model_page: Canvas, model_server: Server, name: str
) -> None:
    """The other templates have the nodes of the first; tests/comfyui/test_model_workflows.py runs them."""
    run_quietly(model_page, model_server, name, TINY)


PAINT = "Comfy.MaskEditor.OpenMaskEditor"
# It has the image, the mask and the paint on canvases of the image's size.
EDITOR = "[...document.querySelectorAll('canvas')].filter(each => each.width === 600).length >= 3"
IMAGE = "app.graph.nodes.find(node => node.type === 'LoadImage')"


def test_the_sample_can_be_painted_on(rendered: Canvas, server: Server) -> None:
    """In ComfyUI's own editor, which takes seconds to open and to save."""
    rendered.complaints.clear()
    open_template(rendered, server, "inpaint")
    rendered.page.wait_for_timeout(SETTLE_MS)
    rendered.page.wait_for_function(f"{IMAGE}.widgets[0].value.endsWith('[temp]')")
    rendered.page.evaluate(f"app.canvas.selectNode({IMAGE})")
    rendered.page.evaluate("command => app.extensionManager.command.execute(command)", PAINT)
    rendered.page.wait_for_function(EDITOR)
    rendered.page.wait_for_timeout(SETTLE_MS)
    rendered.page.mouse.move(800, 450)
    rendered.page.mouse.down()
    rendered.page.mouse.move(860, 500, steps=20)
    rendered.page.mouse.up()
    rendered.page.wait_for_timeout(SETTLE_MS)
    rendered.page.get_by_role("button", name="Save").first.click()
    rendered.page.wait_for_function(f"{IMAGE}.widgets[0].value.includes('clipspace')")
    name = rendered.page.evaluate(f"{IMAGE}.widgets[0].value").removesuffix(" [input]")
    [path] = (server.base / "input").rglob(Path(name).name)
    picture = Image.open(path)
    assert picture.size == (600, 400)
    assert picture.getchannel("A").getextrema()[0] == 0
    assert rendered.complaints == []


@pytest.mark.parametrize("name", ["compose", "qwen-image-edit", "inpaint"])
def test_app_mode_has_fields_and_a_result(canvas: Canvas, server: Server, name: str) -> None:
    """ComfyUI drops a field that it does not find, so that what it keeps is what it shows."""
    open_template(canvas, server, name)
    shipped = json.loads(template_file(name).read_text())["extra"]["linearData"]
    canvas.page.evaluate("app.extensionManager.command.execute('Comfy.ToggleLinear')")
    for _, widget in shipped["inputs"]:
        canvas.page.get_by_text(widget, exact=True).locator("visible=true").first.wait_for()
    canvas.page.evaluate("app.extensionManager.command.execute('Comfy.ToggleLinear')")


def test_the_upload_button_brings_a_picture(canvas: Canvas, server: Server, tmp_path: Path) -> None:
    picture = tmp_path / "my own cup.jpg"
    shutil.copy(SAMPLES / "coffee.jpg", picture)
    open_template(canvas, server, "seamless")
    upload = "app.graph.getNodeById(1).widgets.find(widget => widget.name === 'upload_2')"
    with canvas.page.expect_file_chooser() as chooser:
        canvas.page.evaluate(f"{upload}.callback()")
    with canvas.page.expect_response("**/upload/image"):  # the widget changes before the file is there
        chooser.value.set_files(picture)
    file = "app.graph.getNodeById(1).widgets.find(widget => widget.name === 'image_2')"
    canvas.page.wait_for_function(f"{file}.value === 'my own cup.jpg'")
    assert (server.base / "input" / picture.name).read_bytes() == picture.read_bytes()
    assert "execution_success" in canvas.press_run(server).events


def blueprint(name: str) -> dict[str, Any]:
    return json.loads((PACK / "subgraphs" / f"{name}.json").read_text())


def test_the_blueprint_runs_by_its_button(canvas: Canvas, server: Server) -> None:
    canvas.complaints.clear()
    canvas.page.evaluate("graph => app.loadGraphData(graph)", blueprint("Multi-Edit with Safe Mode"))
    assert canvas.page.evaluate(UNKNOWN) == []
    run = canvas.press_run(server)
    assert "execution_success" in run.events, run.error
    folders = [
        file["subfolder"] for output in run.entry["outputs"].values() for file in output.get("images", [])
    ]
    assert "MultiEdit" in folders
    assert canvas.complaints == []


FEED = """
() => {
  const [edit] = app.graph.nodes
  for (const [at, name] of ['coffee.jpg', 'galaxies.jpg'].entries()) {
    const load = LiteGraph.createNode('LoadImage')
    app.graph.add(load)
    load.widgets[0].value = name
    load.connect(0, edit, edit.inputs.findIndex(input => input.name === `image_${at + 1}`))
  }
}
"""


def test_the_blueprint_for_images_takes_them_from_other_nodes(canvas: Canvas, server: Server) -> None:
    canvas.complaints.clear()
    canvas.page.evaluate(
        "graph => app.loadGraphData(graph)", blueprint("Multi-Edit of images with Safe Mode")
    )
    canvas.page.evaluate(FEED)
    run = canvas.press_run(server)
    assert "execution_success" in run.events, run.error
    assert canvas.complaints == []


def test_comfyui_offers_to_download_what_a_template_lacks(browser: Any, server: Server) -> None:
    """ComfyUI finds a missing model by the file's name in a widget, and its address in the node."""
    # A page of its own: what earlier graphs lack stays listed in one that has shown them.
    canvas = Canvas(browser, server.url)
    open_template(canvas, server, "qwen-image-edit")
    canvas.page.get_by_text("View details").first.click()
    canvas.page.get_by_text("Download all").first.wait_for()
    for part in load_profiles().get("qwen-edit-2511-lightning-4").parts.values():
        # In the note, and in the list of what is missing.
        canvas.page.wait_for_function(
            "names => names.some(name => document.body.innerText.split(name).length > 2)",
            arg=[file.name for file in part.files],
        )
    canvas.page.close()
