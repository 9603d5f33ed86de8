"""POST /prompt: what is refused before anything runs, and a logo on a photograph."""

from __future__ import annotations

import io
import json
import urllib.error
from typing import Any

import numpy as np
import pytest
from multiedit.tests.support.comfyui import PACK, Server
from multiedit.tests.support.pictures import SAMPLES
from PIL import Image, ImageDraw

API = PACK / "workflows" / "api"
LOADERS = {"MultiEditLoadLayers", "LoadImage"}
WITH_FILES = sorted(
    path.stem for path in API.glob("*.json") if any(f'"{loader}"' in path.read_text() for loader in LOADERS)
)


def prompt_of(name: str) -> dict[str, Any]:
    return json.loads((API / f"{name}.json").read_text())


def refusal(server: Server, prompt: dict[str, Any]) -> dict[str, Any]:
    """The `node_errors` of a prompt that ComfyUI refuses."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.post("/prompt", {"prompt": prompt})
    assert refused.value.code == 400
    return json.loads(refused.value.read())["node_errors"]


@pytest.mark.parametrize("name", WITH_FILES)
def test_a_workflow_with_a_missing_file_is_refused_at_its_loader(server: Server, name: str) -> None:
    prompt = prompt_of(name)
    loaders = [(number, node) for number, node in prompt.items() if node["class_type"] in LOADERS]
    number, loader = loaders[-1]
    field = max(
        field for field, value in loader["inputs"].items() if ".jpg" in str(value) or ".png" in str(value)
    )
    loader["inputs"][field] = "gone.png"
    errors = refusal(server, prompt)[number]["errors"]
    assert [error["extra_info"]["input_name"] for error in errors] == [field]
    assert "gone.png" in errors[0]["details"]


DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
# Every node with dynamic combos: what ComfyUI asks of it beside, and those combos.
COMBOS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "MultiEditResolveSize": ({}, ["model"]),
    "MultiEditLoadModel": ({}, ["model"]),
    "MultiEditCompose": ({"image_1": ["1", 0]}, ["canvas", "background"]),
    "MultiEditSafeMode": ({"image": ["1", 0]}, ["threshold", "batch"]),
    "MultiEditSave": ({"images": ["1", 0], "filename_prefix": "p"}, ["format"]),
    "MultiEditExtend": ({"image": ["1", 0], "extend": "sides", "fill": "mirror"}, ["extend", "fill"]),
    "MultiEditEdit": ({"image_1": ["1", 0], "prompt": "p", "seed": 0}, ["model"]),
}


def inputs_of(server: Server, node: str) -> dict[str, Any]:
    known = server.json(f"/object_info/{node}")[node]["input"]
    return {**known.get("required", {}), **known.get("optional", {})}


def test_every_dynamic_combo_is_in_the_table(server: Server) -> None:
    module = f"custom_nodes.{server.folder}"
    found = {}
    for name, node in server.json("/object_info").items():
        inputs = {**node["input"].get("required", {}), **node["input"].get("optional", {})}
        combos = [key for key, given in inputs.items() if given[0] == DYNAMIC]
        if combos and node["python_module"] == module and not node.get("dev_only"):
            found[name] = combos
    assert found == {name: combos for name, (_, combos) in COMBOS.items()}


@pytest.mark.parametrize(
    "value",
    ["no-such-option", 7, ["1", 0], None, {}],
    ids=["unknown", "number", "connected", "null", "object"],
)
@pytest.mark.parametrize(("name", "combo"), [(name, each) for name in COMBOS for each in COMBOS[name][1]])
def test_a_value_that_is_no_option_is_refused(server: Server, name: str, combo: str, value: Any) -> None:
    asked, _ = COMBOS[name]
    require_refusal(server, queued(name, {**asked, combo: value}), combo)


# Where a combo is required: what is sent beside it.
REQUIRED: dict[str, dict[str, Any]] = {
    **{name: COMBOS[name][0] for name in ("MultiEditSave", "MultiEditExtend", "MultiEditEdit")},
    "MultiEditResolveSize": {"keep_size": False},
    "MultiEditLoadModel": {"vae": "auto"},
}


@pytest.mark.parametrize(("name", "combo"), [(name, each) for name in REQUIRED for each in COMBOS[name][1]])
def test_a_required_one_that_is_left_out_is_refused(server: Server, name: str, combo: str) -> None:
    inputs = {**REQUIRED[name]}
    inputs.pop(combo, None)
    errors = refusal(server, queued(name, inputs))["2"]["errors"]
    message = f"{combo} is missing. Choose an option of this node for it."
    assert message in "".join(error["details"] for error in errors)


@pytest.mark.parametrize("below", ["none", "one", "all", "unknown"])
@pytest.mark.parametrize(("name", "combo"), [(name, each) for name in COMBOS for each in COMBOS[name][1]])
def test_an_object_is_no_option(server: Server, name: str, combo: str, below: str) -> None:
    """Even one that looks as ComfyUI hands an option over, with values that nobody has validated."""
    options = inputs_of(server, name)[combo][1]["options"]
    key, inputs = next(
        (option["key"], {**option["inputs"].get("required", {}), **option["inputs"].get("optional", {})})
        for option in options
        if any(option["inputs"].values())
    )
    values = {
        "none": {},
        "one": {next(iter(inputs)): 7},
        "all": dict.fromkeys(inputs, 7),
        "unknown": {"a": 7},
    }
    asked, _ = COMBOS[name]
    require_refusal(server, queued(name, {**asked, combo: {combo: key, **values[below]}}), combo)


def queued(name: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0}},
        "2": {"class_type": name, "inputs": inputs},
        "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
    }


def require_refusal(server: Server, prompt: dict[str, Any], combo: str) -> None:
    errors = refusal(server, prompt)["2"]["errors"]
    # ComfyUI repeats it at every other dynamic combo that was sent.
    assert combo in [error["extra_info"]["input_name"] for error in errors]
    for error in errors:
        assert f"- {combo} is " in error["details"]
        assert "it must be an option of this node" in error["details"]


def test_a_connected_one_is_to_be_disconnected(server: Server) -> None:
    prompt = queued("MultiEditResolveSize", {"model": ["1", 0]})
    [error] = refusal(server, prompt)["2"]["errors"]
    assert "model is connected, or null. Disconnect it" in error["details"]


def test_the_message_names_the_options(server: Server) -> None:
    compose = {"class_type": "MultiEditCompose", "inputs": {"canvas": "huge"}}
    show = {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}}
    [error] = refusal(server, {"2": compose, "3": show})["2"]["errors"]
    message = "canvas - canvas is 'huge'; it must be an option of this node: base, custom, extent."
    assert error["details"] == message


EDIT = {
    "model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto", "prompt": "p",
    "seed": 0, "keep_size": True, "image_1": ["1", 0], "image_2": ["1", 2],
}  # fmt: skip
LOGO_PLACES = {
    "Multi-Edit": {"class_type": "MultiEditEdit", "inputs": EDIT},
    "sockets": {"class_type": "MultiEditCompose", "inputs": {"image_1": ["1", 0], "image_2": ["1", 2]}},
    "with its mask": {
        "class_type": "MultiEditCompose",
        "inputs": {"image_1": ["1", 0], "image_2": ["1", 2], "mask_2": ["1", 3]},
    },
    "layers": {"class_type": "MultiEditCompose", "inputs": {"layers": ["1", 6]}},
}


@pytest.mark.parametrize("way", LOGO_PLACES)
def test_a_logo_on_a_photograph_has_no_box(server: Server, way: str) -> None:
    logo = Image.new("RGBA", (600, 400), (0, 0, 0, 0))
    ImageDraw.Draw(logo).ellipse((250, 150, 350, 250), (255, 0, 255, 255))
    logo.save(server.base / "input" / "logo.png")
    load = {"class_type": "MultiEditLoadLayers", "inputs": {"image_1": "coffee.jpg", "image_2": "logo.png"}}
    save = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "logo"}}
    run = server.run({"1": load, "2": LOGO_PLACES[way], "3": save})
    assert "execution_success" in run.events, run.error
    result = np.asarray(Image.open(io.BytesIO(server.view(run.files("3")[0]))).convert("RGB"), np.int16)
    photograph = np.asarray(Image.open(SAMPLES / "coffee.jpg").convert("RGB"), np.int16)
    outside = np.asarray(logo.getchannel("A")) == 0
    assert np.abs(result - photograph)[outside].max() <= 1
    assert (result[200, 300] == [255, 0, 255]).all()
