"""The templates with a generative model: their links, and their run on tiny random weights."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
from multiedit.pipelines.adapters.comfyui.families import FAMILIES
from multiedit.pipelines.adapters.comfyui.layers_graph import FAMILY as LAYERS
from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles
from multiedit.tests.support.comfyui import PACK, Server
from multiedit.tests.support.family_tables import GATED
from multiedit.tests.support.pictures import SAMPLES, painted_cup
from multiedit.tests.support.templates import template_file, template_names
from PIL import Image

LOADER, EDIT = "MultiEditLoadModel", "MultiEditEdit"
PROMPTS = {path.stem: json.loads(path.read_text()) for path in (PACK / "workflows" / "api").glob("*.json")}
FILES = ("diffusion_model", "text_encoder", "text_encoder_2", "vae", "lora")
PAINTED = "painted.png"
SMALL = {"model.sampling_megapixels": 0.0625, "model.reference_megapixels": 0.0625}

Prompt = dict[str, dict[str, Any]]


def of_class(prompt: Prompt, class_type: str) -> list[dict[str, Any]]:
    return [node["inputs"] for node in prompt.values() if node["class_type"] == class_type]


NAMES = [name for name in template_names() if of_class(PROMPTS[name], LOADER)]
EDITS = [name for name in NAMES if of_class(PROMPTS[name], EDIT)]
PAINTED_OVER = {"inpaint", "flux-fill"}
MANY_STEPS = {"longcat-edit", "boogu-edit"}


def first_profile(name: str) -> Profile:
    """The one that `auto` takes where all of its files are there."""
    [loader] = of_class(PROMPTS[name], LOADER)
    assert loader["model.profile"] == "auto"
    return load_all_profiles().of_model(loader["model"])[0]


def test_every_family_that_runs_on_this_comfyui_has_a_template() -> None:
    shown = {first_profile(name).family for name in NAMES}
    assert shown == set(FAMILIES) - set(GATED) | {LAYERS}


@pytest.mark.parametrize("name", NAMES)
def test_the_links_are_those_of_the_profile(name: str) -> None:
    graph = json.loads(template_file(name).read_text())
    [links] = [node["properties"]["models"] for node in graph["nodes"] if node["type"] == LOADER]
    [note] = [node["widgets_values"][0] for node in graph["nodes"] if node["type"] == "MarkdownNote"]
    parts = first_profile(name).parts.values()
    [loader] = of_class(PROMPTS[name], LOADER)
    named = [loader[widget] for widget in FILES if loader.get(widget, "auto") != "auto"]
    assert [link["name"] for link in links] == named  # so that ComfyUI misses what is not there
    assert [link["directory"] for link in links] == [part.folder for part in parts]
    for link, part in zip(links, parts, strict=True):
        assert (link["name"], link["url"]) in [(file.name, file.url) for file in part.files]
        assert f"- *{part.folder}*: [{link['name']}]({link['url']})" in note


@pytest.mark.parametrize("name", NAMES)
def test_the_note_names_the_licence(name: str) -> None:
    note = (PACK / "scripts" / "workflow_notes" / f"{name}.md").read_text()
    assert first_profile(name).licence in " ".join(note.split())


def small(name: str) -> Prompt:
    """A template with little work for a processor, of any files; where it wants a mask, a painted picture."""
    prompt: Prompt = json.loads(json.dumps(PROMPTS[name]))
    of_class(prompt, LOADER)[0].update(dict.fromkeys(FILES, "auto"))
    [edit] = of_class(prompt, EDIT)
    assert {key: edit[key] for key in SMALL} == dict.fromkeys(SMALL, 0)
    edit |= dict.fromkeys(SMALL, 0.016) if name in MANY_STEPS else SMALL
    if "mask" in edit or edit.get("extend"):  # compared with what it was, which a JPEG is not
        of_class(prompt, "LoadImage")[0]["image"] = PAINTED
    return prompt


@pytest.mark.parametrize("name", EDITS)
def test_a_template_runs(model_server: Server, name: str) -> None:
    picture, change = painted_cup()
    picture.save(model_server.base / "input" / PAINTED)
    run = model_server.run(small(name))
    assert "execution_success" in run.events, run.error
    [file] = run.files("7")
    saved = Image.open(io.BytesIO(model_server.view(file)))
    plan = json.loads(saved.info["multiedit"])["plan"]
    assert saved.size == (plan["width"], plan["height"])
    assert plan["generation"]["profile"] == first_profile(name).id
    if name in PAINTED_OVER:
        assert plan["generation"]["region"]
        base, result = (np.asarray(image.convert("RGB")) for image in (picture, saved))
        assert (base == result)[~change].all()
        assert (base != result)[change].any(axis=-1).mean() > 0.5
    elif name == "extend":
        base, result = (np.asarray(image.convert("RGB")) for image in (picture, saved))
        assert (result[:, 180:780] == base).all()
        assert saved.size == (960, 400)
    else:
        count = sum(name.startswith("image_") for name in of_class(PROMPTS[name], EDIT)[0])
        assert plan["roles"] == ["base", "reference", "reference"][:count]


def test_the_template_of_layers_gives_an_image_again(model_server: Server) -> None:
    prompt: Prompt = json.loads(json.dumps(PROMPTS["image-to-layers"]))
    of_class(prompt, LOADER)[0].update(dict.fromkeys(FILES, "auto"))
    of_class(prompt, "MultiEditImageToLayers")[0]["sampling_megapixels"] = 0.0625
    run = model_server.run(prompt)
    assert "execution_success" in run.events, run.error
    [file] = run.files("7")
    saved = Image.open(io.BytesIO(model_server.view(file)))
    with Image.open(SAMPLES / "coffee.jpg") as given:
        assert saved.size == given.size


def test_open_webui_finds_the_picture(model_server: Server) -> None:
    """It takes the files of these two classes alone (its backend/open_webui/utils/images/comfyui.py)."""
    prompt = small("open-webui")
    run = model_server.run(prompt)
    assert "execution_success" in run.events, run.error
    found = [
        node for node in run.entry["outputs"] if prompt[node]["class_type"] in {"SaveImage", "PreviewImage"}
    ]
    assert [len(run.files(node)) for node in found] == [1]


def test_painting_nothing_is_said(model_server: Server) -> None:
    prompt = small("inpaint")
    of_class(prompt, "LoadImage")[0]["image"] = of_class(PROMPTS["inpaint"], "LoadImage")[0]["image"]
    run = model_server.run(prompt)
    assert "there is no mask" in run.error
