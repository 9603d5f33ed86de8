"""The graphs of workflows/api that need no weights on a real server, beside what the core gives."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.edit_tensors import edit_tensors
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.layers.stack import Canvas, compose_stack
from multiedit.pipelines.planning.size import resolve_size
from multiedit.pipelines.planning.tensor_plan import EditSettings
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.screening import screen
from multiedit.scripts.stable_ids import with_stable_ids
from multiedit.tests.support.classifiers import default_classifier
from multiedit.tests.support.comfyui import PACK, Run, Server
from multiedit.tests.support.pictures import SAMPLES, PictureServer, prompt_of
from multiedit.tests.support.templates import WORKFLOWS, template_file, template_names
from PIL import Image
from torch import Tensor

API = PACK / "workflows" / "api"
NAMES = [name for name in template_names() if "MultiEditLoadModel" not in (API / f"{name}.json").read_text()]
LIMITS = Limits()


def sample(name: str) -> Tensor:
    return ImageFile((SAMPLES / name).read_bytes(), LIMITS, name).image()


def composed(placement: Placement, canvas: Canvas = "base", overlay: str | None = "galaxies.jpg") -> Tensor:
    pictures = {1: (sample("coffee.jpg"), None)}
    if overlay:
        pictures[2] = (sample(overlay), None)
    return compose_stack(None, pictures, placement, canvas=canvas, background=None, limits=LIMITS).image


def edited() -> Tensor:
    settings = EditSettings(
        "layer-composite",
        "fill the cup with the night sky",
        keep_size=True,
        placement=Placement(scale=0.6, offset_x=-2, offset_y=-13),
    )
    images = [sample("coffee.jpg"), sample("galaxies.jpg")]
    mask = sample("coffee-mask.png")[..., 0]
    adapters = local_adapters(LIMITS)
    return edit_tensors(settings, images, mask, load_catalog(), adapters, lambda share: None).image


def resolved() -> Tensor:
    size = resolve_size(load_catalog().get("layer-composite"), "16:9", "1K", (600, 400), keep_size=False)
    return composed(Placement(), (size.width, size.height), overlay=None)


def blurred() -> Tensor:
    return screen(sample("coffee.jpg"), default_classifier, Policy(threshold=0.0))[0]


def turned() -> Tensor:
    placement = Placement(anchor="top-right", scale=0.45, rotation=12, offset_x=-3, offset_y=5)
    return composed(placement, overlay="cat.jpg")


# For each workflow, by the node that saves: the core's result, and how far a pixel may be from it in 1/255.
# One level: the two processes may have different builds of torch. More: what the file format loses, and what
# core's own compositor resamples in another way.
Expected = dict[str, tuple[Callable[[], Tensor], float, float]]
EXPECTED: dict[str, Expected] = {
    "compose": {"4": (edited, 1, 100)},
    "seamless": {
        "3": (
            lambda: composed(
                Placement(anchor="top-right", scale=0.42, offset_x=-2, offset_y=3, seamless=True)
            ),
            1,
            100,
        )
    },
    "resolve-and-save": {"4": (resolved, 1, 100), "5": (resolved, 12, 99), "6": (resolved, 12, 99)},
    "safe-mode": {"3": (lambda: sample("coffee.jpg"), 0, 100), "5": (blurred, 1, 100)},
    "load-from-url": {"3": (lambda: sample("coffee.jpg"), 0, 100)},
    "layer-editor": {"4": (turned, 2, 99)},
}


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=np.int16)


def difference(ours: np.ndarray, theirs: np.ndarray, percentile: float) -> float:
    """The given percentile of |ours - theirs| in levels of 255."""
    assert ours.shape == theirs.shape
    return float(np.percentile(np.abs(ours - theirs), percentile))


def test_every_workflow_is_expected() -> None:
    assert sorted(EXPECTED) == sorted(NAMES)


@pytest.mark.parametrize("suffix", [".json", ".jpg"])
def test_every_template_has_its_files_under_its_title(suffix: str) -> None:
    files = {template_file(name, suffix) for name in template_names()}
    assert files == set(WORKFLOWS.glob(f"*{suffix}"))


def test_every_prompt_but_open_webuis_has_a_template() -> None:
    assert {path.stem for path in API.glob("*.json")} - set(template_names()) == {"open-webui"}


def test_the_templates_without_weights_come_first_and_say_so() -> None:
    marked = ["no model files" in template_file(name).name for name in template_names()]
    assert marked == [name in NAMES for name in template_names()]
    assert marked == sorted(marked, reverse=True)


def test_a_second_run_of_the_script_changes_no_id() -> None:
    random = [{"id": str(uuid.uuid4()), "nodes": [{"type": str(uuid.uuid4())}]} for _ in range(2)]
    for graph in random:
        graph["definitions"] = {"subgraphs": [{"id": graph["nodes"][0]["type"]}]}
    first, second = (with_stable_ids(graph, "any") for graph in random)
    assert first == second
    assert first["nodes"][0]["type"] == first["definitions"]["subgraphs"][0]["id"] != first["id"]


def test_the_shipped_ids_are_those_that_the_script_makes() -> None:
    files = {name: template_file(name) for name in template_names()}
    files |= {path.stem: path for path in (PACK / "subgraphs").glob("*.json")}
    for name, path in files.items():
        graph = json.loads(path.read_text())
        assert with_stable_ids(graph, name) == graph, path.name


def test_the_layer_editor_keeps_the_size_since_no_layer_is_larger_than_the_base() -> None:
    """ComfyUI 0.33 takes the sides of the largest layer for those of the result."""
    load = json.loads((API / "layer-editor.json").read_text())["1"]["inputs"]
    names = [Path(load[f"image_{number}"].removesuffix(" [temp]")).name for number in (1, 2)]
    base, overlay = (sample(name).shape for name in names)
    assert overlay[1] <= base[1]
    assert overlay[2] <= base[2]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_gives_the_cores_pictures(
    server: Server, picture_server: PictureServer, name: str
) -> None:
    run = server.run(prompt_of(name, picture_server))
    assert "execution_success" in run.events, run.error
    for node, (make, levels, percentile) in EXPECTED[name].items():
        [file] = run.files(node)
        expected = (make()[0, ..., :3] * 255).round().to(torch.int16).numpy()
        assert difference(pixels(server.view(file)), expected, percentile) <= levels


def executed(run: Run, prompt: dict[str, dict]) -> set[str]:
    return set(prompt) - run.cached


def test_nothing_runs_again_until_something_changes(server: Server, picture_server: PictureServer) -> None:
    prompt = prompt_of("compose", picture_server)
    server.run(prompt)
    assert executed(server.run(prompt), prompt) == set()
    prompt["3"]["inputs"]["opacity"] = 0.5
    assert executed(server.run(prompt), prompt) == {"3", "4"}
    prompt["4"]["inputs"]["format"] = "webp"
    prompt["4"]["inputs"] |= {"format.quality": 90, "format.lossless": True}
    assert executed(server.run(prompt), prompt) == {"4"}


def test_a_file_of_the_same_name_is_read_again_when_it_changes(
    server: Server, picture_server: PictureServer
) -> None:
    prompt = prompt_of("safe-mode", picture_server)
    prompt["1"]["inputs"]["image_1"] = "changing.jpg"
    target = server.base / "input" / "changing.jpg"
    target.write_bytes((SAMPLES / "coffee.jpg").read_bytes())
    server.run(prompt)
    target.write_bytes((SAMPLES / "galaxies.jpg").read_bytes())
    run = server.run(prompt)
    assert "1" in executed(run, prompt)
    expected = pixels((SAMPLES / "galaxies.jpg").read_bytes())
    assert difference(pixels(server.view(run.files("3")[0])), expected, 100) <= 1


def test_core_composites_our_layers_as_we_do(server: Server) -> None:
    """Resized and freely turned layers, half transparent and mixed, through core's node and through ours."""
    load = {"image_1": "coffee.jpg", "image_2": "galaxies.jpg"}
    plain = {"canvas": "base", "background": "transparent", "image_1": ["1", 0]}
    first = {**plain, "image_2": ["1", 2], "scale": 0.7, "rotation": 33.0, "opacity": 0.8}
    second = {**plain, "layers": ["2", 2], "scale": 0.4, "rotation": -17.0, "anchor": "top-left"}
    prompt = {
        "1": {"class_type": "MultiEditLoadLayers", "inputs": load},
        "2": {"class_type": "MultiEditCompose", "inputs": first},
        "3": {"class_type": "MultiEditCompose", "inputs": {**second, "blend_mode": "multiply"}},
        "4": {"class_type": "ImageCompositor", "inputs": {"layers": ["3", 2], "compositor": {}}},
        "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "ours"}},
        "6": {"class_type": "SaveImage", "inputs": {"images": ["4", 0], "filename_prefix": "core"}},
    }
    run = server.run(prompt)
    assert "execution_success" in run.events, run.error
    ours, core = (pixels(server.view(run.files(node)[0])) for node in ("5", "6"))
    assert difference(ours, core, 99) <= 2


def test_a_damaged_picture_is_named_on_the_node(server: Server, picture_server: PictureServer) -> None:
    prompt = prompt_of("seamless", picture_server)
    (server.base / "input" / "damaged.jpg").write_bytes((SAMPLES / "coffee.jpg").read_bytes()[:2000])
    prompt["1"]["inputs"]["image_2"] = "damaged.jpg"
    assert "image 2" in server.run(prompt).error
