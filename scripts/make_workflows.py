"""Make workflows/*.json and their thumbnails from workflows/api/*.json, in ComfyUI's own page.

    .venv/bin/python scripts/make_workflows.py [NAME ...]

The page reads the API format, so the order of the widgets is ComfyUI's and not ours, and writes it with the
widgets that are new; this script adds the notes, the addresses of the models' files, the fields of app mode
and the places of the nodes. A second run changes no file. Needs what the tests in a browser need: `make
comfyui`, chromium, the dev extras. Screenshots of the graphs after their run go to output/, to be looked at.
Templates that need a model are not run here;
their thumbnail shows the inputs.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from model_template import draw_card, file_list, links, profile_of
from multiedit.tests.support.browser import Canvas, chromium
from multiedit.tests.support.comfyui import Installation, Server
from multiedit.tests.support.pictures import CAT, PICTURES, SAMPLES, PictureServer
from multiedit.tests.support.templates import NOTES, template_file, template_names, title_of
from PIL import Image
from stable_ids import with_stable_ids

PACK = Path(__file__).resolve().parents[1]

FOLDER = PACK / "workflows"
THUMBNAIL_SIDE = 480
SHOWN, SHOWN_BOX = "compose", (230, 105, 1370, 885)  # the graph in the README
# The blueprints: the sockets of the one node, by inner node and input, and what it says.
BLUEPRINTS: dict[str, tuple[list[tuple[str, str]], str]] = {
    "Multi-Edit with Safe Mode": (
        [
            ("1", "image_1"), ("1", "image_2"), ("1", "image_3"),
            ("1", "upload"), ("1", "upload_2"), ("1", "upload_3"),
            ("3", "prompt"), ("3", "seed"), ("3", "scale"), ("4", "filename_prefix"),
        ],
        "Load up to three images, edit them, blur adult content, save.",
    ),
    "Multi-Edit of images with Safe Mode": (
        [
            ("3", "image_1"), ("3", "image_2"), ("3", "image_3"), ("3", "mask"),
            ("3", "prompt"), ("3", "seed"), ("3", "scale"), ("4", "filename_prefix"),
        ],
        "Edit up to three images from other nodes, blur adult content, save.",
    ),
}  # fmt: skip
IMAGE_PREVIEW = "$$canvas-image-preview"  # as ComfyUI's page calls it
PREVIEW, VIEWER = "6", "7"  # inside the blueprint, and outside, where it makes the output
# What app mode shows: fields as (node, widget), none of the advanced ones, since it shows them without their
# field; and the node of the result.
APPS: dict[str, tuple[list[tuple[int, str]], int]] = {
    "compose": ([(1, "image_1"), (1, "image_2"), (1, "image_3")], 4),
    "qwen-image-edit": ([(1, "image_1"), (1, "image_2"), (1, "image_3"), (5, "prompt"), (5, "seed")], 7),
    "inpaint": ([(1, "image"), (5, "prompt"), (5, "seed")], 7),
    "extend": ([(1, "image"), (5, "extend"), (5, "prompt"), (5, "seed")], 7),
}  # fmt: skip

WITH_MODEL = [["note", "4"], ["1"], ["5"], ["6", "7"]]
# Node ids in columns from left to right; any other template is laid out as one with a model.
COLUMNS: dict[str, list[list[str]]] = {
    "compose": [["note"], ["1"], ["2"], ["3"], ["4"]],
    "seamless": [["note"], ["1"], ["2"], ["3"]],
    "resolve-and-save": [["note"], ["1"], ["2", "3"], ["4"], ["5"], ["6"]],
    "safe-mode": [["note"], ["1"], ["2", "4"], ["3"], ["5"]],
    "load-from-url": [["note"], ["1"], ["2"], ["3"]],
    "layer-editor": [["note"], ["1"], ["2"], ["3"], ["4"]],
    "image-to-layers": [["note", "4"], ["1"], ["5"], ["6"], ["8"], ["7"]],
}
# (width, height) by type where they matter; savers grow by their preview.
SIZES = {
    "MarkdownNote": (340, 460),
    "ImageToMask": (220, 0),
    "LoadImage": (280, 320),
    "MultiEditLoadLayers": (340, 730),  # with its preview, which may come later than the node is measured
    "MultiEditLoadModel": (340, 0),
    "MultiEditSafeMode": (340, 0),
    "MultiEditCompose": (320, 0),
    "MultiEditEdit": (340, 0),
    "MultiEditImageToLayers": (340, 0),
    "MultiEditResolveSize": (320, 340),  # with the text of a run
    "MultiEditSave": (340, 340),
    "ImageCompositor": (340, 340),
}
# What a run adds to a node's height: its result below the widgets.
GROWTH = {"MultiEditSafeMode": 260, "MultiEditEdit": 250}

ARRANGE = """
({columns, sizes, growth, title, text, models}) => {
  const graph = app.graph, gap = 40, header = 34
  const note = LiteGraph.createNode('MarkdownNote')
  if (text) graph.add(note)
  note.title = title
  note.widgets[0].value = text
  for (const node of graph.nodes) {
    if (node.type === 'MultiEditLoadModel') node.properties.models = models
    for (const widget of node.widgets ?? [])
      if (widget.name === 'control_after_generate') widget.value = 'fixed'
  }
  let x = 0
  for (const column of columns) {
    let y = header, widest = 0
    for (const key of column) {
      const node = key === 'note' ? note : graph.getNodeById(key)
      if (!node) continue
      const [width, height] = sizes[node.type] ?? [300, 0]
      node.setSize([width, Math.max(height, node.computeSize()[1])])
      node.pos = [x, y]
      y += node.size[1] + (growth[node.type] ?? 0) + gap + header
      widest = Math.max(widest, width)
    }
    x += widest + gap
  }
}
"""
# The same graph with a local image instead of one from the internet.
LOCAL = """
address => {
  for (const node of app.graph.nodes)
    for (const widget of node.widgets ?? [])
      if (widget.name === 'url') widget.value = address
}
"""

# All but the viewer becomes one node; its output stays, and the sockets that matter stand on it.
FOLD = """
({name, viewer, sockets, description}) => {
  const graph = app.graph
  const inner = graph.nodes.filter(node => node.id != viewer)
  const {subgraph, node} = graph.convertToSubgraph(new Set(inner))
  graph.remove(graph.getNodeById(viewer))
  subgraph.name = node.title = name
  subgraph.description = description
  for (const input of [...subgraph.inputs]) subgraph.removeInput(input)
  for (const [id, socket] of sockets) {
    const target = subgraph.getNodeById(id)
    const slot = target.inputs.find(input => input.name === socket)
    const input = subgraph.addInput(socket, slot.type)
    if (slot.type === 'IMAGEUPLOAD') input.label = slot.localized_name
    input.connect(slot, target)
  }
  node.pos = [0, 0]
  node.setSize([360, node.computeSize()[1]])
}
"""


def main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, PictureServer() as pictures, chromium() as browser:
        server = Server(
            Installation.find(),
            Path(folder),
            {"multi-edit": PACK},
            environment={"MULTIEDIT_FETCH_ALLOWED_HOSTS": "127.0.0.1"},
        )
        try:
            server.wait_until_ready()
            server.add_inputs(*PICTURES, CAT)
            for name in names or [*template_names(), *BLUEPRINTS]:
                if name in BLUEPRINTS:
                    make_blueprint(name, server, browser)
                else:
                    make(name, server, browser, pictures)
        finally:
            server.stop()


def make(name: str, server: Server, browser: Any, pictures: PictureServer) -> None:
    path = FOLDER / "api" / f"{name}.json"
    canvas = Canvas(browser, server.url)
    given = json.loads(path.read_text())
    canvas.page.evaluate("([prompt, name]) => app.loadApiJson(prompt, name)", [given, name])
    prompt = canvas.prompt()  # with the widgets that its nodes have got since
    path.write_text(json.dumps(prompt, indent=2, ensure_ascii=False) + "\n")
    profile = profile_of(prompt)
    text = (NOTES / f"{name}.md").read_text().partition("\n")[2]
    text = text.strip().replace("FILES", file_list(profile) if profile else "")
    layout = {
        "columns": COLUMNS.get(name, WITH_MODEL),
        "sizes": SIZES,
        "growth": GROWTH,
        "title": title_of(name).partition(" ")[2].partition(" (")[0],
        "text": text,
    }
    canvas.page.evaluate(ARRANGE, {**layout, "models": links(profile) if profile else []})
    graph = tidy(canvas.graph(), name)
    if name in APPS:
        fields, output = APPS[name]
        graph["extra"]["linearData"] = {"inputs": fields, "outputs": [output]}
    template_file(name).write_text(json.dumps(graph, indent=1) + "\n")
    picture = draw_card(prompt, profile, SAMPLES) if profile else result(prompt, server, canvas, pictures)
    picture.save(template_file(name, ".jpg"), quality=80, optimize=True)
    screenshot = Image.open(io.BytesIO(canvas.screenshot()))
    screenshot.save(PACK / "output" / f"{name}.png")
    if name == SHOWN:
        picture = screenshot.convert("RGB").crop(SHOWN_BOX)
        picture.save(PACK / "docs" / "images" / "comfyui.jpg", quality=85, optimize=True)
    canvas.page.close()


def result(prompt: dict[str, Any], server: Server, canvas: Canvas, pictures: PictureServer) -> Image.Image:
    """Run the graph on the canvas; return the last saved image as a thumbnail."""
    canvas.page.evaluate(LOCAL, pictures.address("coffee.jpg"))
    run = canvas.press_run(server)
    last = max(node for node in prompt if prompt[node]["class_type"] == "MultiEditSave")
    return thumbnail(server.view(run.files(last)[0]))


def make_blueprint(name: str, server: Server, browser: Any) -> None:
    """The first template with safe mode before the saver, folded into one node."""
    sockets, description = BLUEPRINTS[name]
    canvas = Canvas(browser, server.url)
    canvas.page.evaluate(
        "([prompt, name]) => app.loadApiJson(prompt, name)", [blueprint_prompt(sockets), "x"]
    )
    columns = [["1"], ["2"], ["3"], ["5"], ["4"], [PREVIEW, VIEWER]]
    layout = {"columns": columns, "sizes": SIZES, "growth": GROWTH, "title": "", "text": "", "models": []}
    canvas.page.evaluate(ARRANGE, layout)
    settings = {"name": name, "viewer": VIEWER, "sockets": sockets, "description": description}
    canvas.page.evaluate(FOLD, settings)
    graph = tidy(canvas.graph(), name)
    shown = {"name": IMAGE_PREVIEW, "sourceNodeId": PREVIEW, "sourcePreviewName": IMAGE_PREVIEW}
    graph["nodes"][0]["properties"]["previewExposures"] = [shown]
    (PACK / "subgraphs" / f"{name}.json").write_text(json.dumps(graph, indent=1) + "\n")
    canvas.page.evaluate("graph => app.loadGraphData(graph)", graph)
    (PACK / "output" / f"{name}.png").write_bytes(canvas.screenshot())
    canvas.page.close()


def blueprint_prompt(sockets: list[tuple[str, str]]) -> dict[str, Any]:
    """The inner nodes; without the loader where the images come from outside."""
    prompt = json.loads((FOLDER / "api" / f"{SHOWN}.json").read_text())
    if ("3", "image_1") in sockets:
        del prompt["1"], prompt["2"]
        for name in ("image_1", "image_2", "mask"):
            del prompt["3"]["inputs"][name]
    safe = {
        "image": ["3", 0], "classifier": "open_nsfw and nsfwjs", "threshold": "default",
        "batch": "images", "tiles": False, "on_missing": "error", "download_weights": False,
    }  # fmt: skip
    prompt["5"] = {"class_type": "MultiEditSafeMode", "inputs": safe, "_meta": {"title": "Safe Mode"}}
    prompt["4"]["inputs"] |= {"images": ["5", 0], "report": ["5", 3], "filename_prefix": "MultiEdit/edit"}
    for number in (PREVIEW, VIEWER):
        prompt[number] = {"class_type": "PreviewImage", "inputs": {"images": ["5", 0]}}
    return prompt


def tidy(graph: dict[str, Any], name: str) -> dict[str, Any]:
    """The graph with stable ids, the pack that each node is from, and without the view it was made in."""
    graph["extra"].pop("ds", None)
    inner = graph.get("definitions", {}).get("subgraphs", [])
    for node in (node for part in (graph, *inner) for node in part["nodes"]):
        if node["type"].startswith("MultiEdit"):
            node["properties"]["cnr_id"] = "multi-edit"
        elif "Node name for S&R" in node["properties"]:
            node["properties"]["cnr_id"] = "comfy-core"
    return with_stable_ids(graph, name)


def thumbnail(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return picture


if __name__ == "__main__":
    main(sys.argv[1:])
