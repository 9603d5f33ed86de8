"""A workflow on a ComfyUI that has the pack without web/: nothing is different.

It starts a server more for each frontend, and a page more for each renderer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import PACK, Installation, Server
from multiedit.tests.support.pictures import CAT, PICTURES
from multiedit.tests.support.stage_page import StagePage

# Load Layered Images, the stage's Compose Layers, Multi-Edit and Save Edited Image after each other.
LENGTHEN = """
id => {
  const stage = app.graph.getNodeById(id)
  const add = (type, x, y) => {
    const node = LiteGraph.createNode(type)
    node.pos = [x, y]
    app.graph.add(node)
    return node
  }
  const set = (node, values) => Object.entries(values).forEach(([name, value]) => {
    const widget = node.widgets.find(each => each.name === name)
    widget.value = value
    widget.callback?.(value)
  })
  const wire = (from, slot, to, name) =>
    from.connect(slot, to, to.inputs.findIndex(each => each.name === name))
  const loader = add('MultiEditLoadLayers', 0, 1200)
  const edit = add('MultiEditEdit', 1300, 40)
  const save = add('MultiEditSave', 1800, 40)
  set(loader, {image_1: 'galaxies.jpg', image_2: 'cat.jpg'})
  set(edit, {model: 'layer-composite', scale: 0.25, rotation: 30, blend_mode: 'screen'})
  set(save, {format: 'png', metadata: 'none'})
  wire(stage, 0, edit, 'image_1')
  wire(loader, 2, edit, 'image_2')
  wire(edit, 0, save, 'images')
  return String(save.id)
}
"""


@pytest.fixture(scope="module")
def bare_server(
    stage_server: Server, installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server like that of the stage, whose pack has no folder web."""
    folder = tmp_path_factory.mktemp("pack") / "multi-edit"
    folder.mkdir()
    for entry in PACK.iterdir():
        if entry.name != "web" and not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    base = tmp_path_factory.mktemp("comfyui-bare")
    with Server(installation, base, {"multi-edit": folder}, stage_server.arguments) as server:
        server.add_inputs(*PICTURES, CAT)
        yield server


def results(canvas: Canvas, server: Server, node: str) -> list[bytes]:
    run = canvas.press_run(server)
    assert "execution_success" in run.events, run.error
    return [server.view(file) for file in run.files(node)]


def test_the_same_workflow_gives_the_same_prompt_and_the_same_bytes(
    stage_canvas: Canvas, stage_server: Server, bare_server: Server, browser: Any
) -> None:
    page = StagePage(stage_canvas, ["coffee.jpg", "galaxies.jpg", "cat.jpg"])
    page.drag((300, 200), (330, 170))
    page.choose("Blend mode", "multiply")
    saved_by: str = page.canvas.page.evaluate(LENGTHEN, page.node)
    page.settle()
    workflow, prompt = page.saved(), page.canvas.prompt()
    assert json.loads(prompt[page.node]["inputs"]["per_image"])["3"]["blend_mode"] == "multiply"
    files = results(stage_canvas, stage_server, saved_by)

    nodes_2 = stage_server.json("/settings/Comfy.VueNodes.Enabled")
    bare_server.post("/settings/Comfy.VueNodes.Enabled", nodes_2)
    bare = Canvas(browser, bare_server.url)
    bare.page.evaluate("async graph => app.loadGraphData(graph)", workflow)
    assert bare.page.locator("canvas[role=application]").count() == 0
    assert bare.prompt() == prompt
    assert results(bare, bare_server, saved_by) == files
    bare.page.close()
