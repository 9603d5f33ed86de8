"""The templates and the blueprint in ComfyUI's own page, in headless Chromium."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.tests.support.browser import Canvas
from multiedit.tests.support.comfyui import PACK, Server
from multiedit.tests.support.pictures import SAMPLES

NAMES = sorted(path.stem for path in (PACK / "workflows").glob("*.json"))
UNKNOWN = "app.graph.nodes.map(node => node.type).filter(type => !(type in LiteGraph.registered_node_types))"
OPEN = "async path => app.loadGraphData(await (await fetch(path)).json())"
SAVED = "app.graph.nodes.find(node => node.type === 'MultiEditSave')"


def open_template(canvas: Canvas, server: Server, name: str) -> None:
    canvas.page.evaluate(OPEN, f"/api/workflow_templates/{server.folder}/{name}.json")


def api_prompt(name: str) -> dict[str, Any]:
    return json.loads((PACK / "workflows" / "api" / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_template_opens_as_its_api_format(canvas: Canvas, server: Server, name: str) -> None:
    canvas.complaints.clear()
    open_template(canvas, server, name)
    assert canvas.page.evaluate(UNKNOWN) == []
    assert canvas.prompt() == api_prompt(name)
    assert canvas.complaints == []


def test_the_first_template_runs_by_its_button(canvas: Canvas, server: Server) -> None:
    canvas.complaints.clear()
    canvas.choose_template(server.folder, "compose")
    canvas.page.wait_for_function(f"{SAVED} !== undefined")
    run = canvas.press_run(server)
    assert "execution_success" in run.events, run.error
    canvas.page.wait_for_function(f"{SAVED}.imgs?.[0]?.naturalWidth === 600")
    assert canvas.complaints == []


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


def test_the_blueprint_runs_by_its_button(canvas: Canvas, server: Server) -> None:
    [blueprint] = (PACK / "subgraphs").glob("*.json")
    canvas.complaints.clear()
    canvas.page.evaluate("graph => app.loadGraphData(graph)", json.loads(blueprint.read_text()))
    assert canvas.page.evaluate(UNKNOWN) == []
    run = canvas.press_run(server)
    assert "execution_success" in run.events, run.error
    assert [file["subfolder"] for output in run.entry["outputs"].values() for file in output["images"]]
    assert canvas.complaints == []


def test_comfyui_offers_to_download_what_a_template_lacks(canvas: Canvas, server: Server) -> None:
    """ComfyUI finds a missing model by the file's name in a widget, and its address in the node."""
    open_template(canvas, server, "qwen-image-edit")
    canvas.page.get_by_text("View details").first.click()
    canvas.page.get_by_text("Download all").first.wait_for()
    for part in load_profiles().get("qwen-edit-2511-lightning-4").parts.values():
        # In the note, and in the list of what is missing.
        canvas.page.wait_for_function(
            "names => names.some(name => document.body.innerText.split(name).length > 2)",
            arg=[file.name for file in part.files],
        )
