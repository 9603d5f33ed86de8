"""A ComfyUI that was started with --fp16-intermediates: a graph of all our nodes and core's, and the API."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from multiedit.tests.support.comfyui import PACK, Installation, Server
from multiedit.tests.support.documented import KEY
from multiedit.tests.support.pictures import PICTURES
from PIL import Image

EDIT = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto", "seed": 0}
PNG = {"filename_prefix": "half", "format": "png", "metadata": "everything"}


@pytest.fixture(scope="module")
def half_server(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        installation,
        tmp_path_factory.mktemp("comfyui-half"),
        {"multi-edit": PACK},
        arguments=("--fp16-intermediates",),
        environment={"MULTIEDIT_API_KEYS": KEY},
    )
    with server:
        server.add_inputs(*PICTURES)
        yield server


def graph() -> dict[str, Any]:
    """Load, compose, edit inside a mask, check and save; and core's nodes on what ours give."""
    load = {"image_1": "coffee.jpg", "image_2": "galaxies.jpg", "image_3": "coffee-mask.png"}
    edit = {"image_1": ["compose", 0], "image_2": ["core", 0], "mask": ["mask", 0]}
    blend = {"image1": ["edit", 0], "image2": ["base", 0], "blend_factor": 0.5, "blend_mode": "soft_light"}
    paste = {"destination": ["blend", 0], "source": ["core", 0], "mask": ["compose", 1], "x": 0, "y": 0}
    nodes: dict[str, tuple[str, dict[str, Any]]] = {
        "load": ("MultiEditLoadLayers", load),
        "base": ("LoadImage", {"image": "coffee.jpg"}),
        "core": ("LoadImage", {"image": "galaxies.jpg"}),
        "mask": ("ImageToMask", {"image": ["load", 4], "channel": "red"}),
        "compose": ("MultiEditCompose", {"layers": ["load", 6], "image_1": ["core", 0], "scale": 0.2}),
        "edit": ("MultiEditEdit", {**EDIT, **edit, "prompt": "p", "keep_size": True, "fit": "cover"}),
        "safe": ("MultiEditSafeMode", {"image": ["edit", 0]}),
        "save": ("MultiEditSave", {**PNG, "images": ["safe", 0], "report": ["safe", 3], "plan": ["edit", 1]}),
        "blend": ("ImageBlend", blend),
        "paste": ("ImageCompositeMasked", {**paste, "resize_source": True}),
        "both": ("ImageBatch", {"image1": ["paste", 0], "image2": ["base", 0]}),
        "flat": ("ImageCompositor", {"layers": ["compose", 2], "compositor": ""}),
        "preview": ("PreviewImage", {"images": ["both", 0]}),
        "preview flat": ("PreviewImage", {"images": ["flat", 0]}),
    }
    return {name: {"class_type": kind, "inputs": inputs} for name, (kind, inputs) in nodes.items()}


def levels(source: Any) -> Any:
    with Image.open(source) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def test_a_graph_of_every_node_runs(half_server: Server) -> None:
    run = half_server.run(graph())
    assert "execution_error" not in run.events, run.error
    saved = run.entry["outputs"]["save"]
    decision = json.loads(saved["multiedit"][0])["safe_mode"]
    assert (decision["blurred"], decision["status"]) == (False, "ok")
    image, base = levels(io.BytesIO(half_server.view(saved["images"][0]))), levels(PICTURES[0])
    assert image.shape == base.shape
    assert image.std() > 10
    assert np.abs(image - base).mean() > 1
    assert len(run.files("preview")) == 2
    assert len(run.files("preview flat")) == 1


def test_an_edit_on_comfyuis_port(half_server: Server) -> None:
    files = [("images", (path.name, path.read_bytes())) for path in PICTURES]
    own = json.dumps({"keep_size": True, "roles": {"3": "mask"}})
    with httpx.Client(timeout=120, trust_env=False) as client:
        response = client.post(
            f"{half_server.url}/api/v1/image/multi-edit",
            data={"prompt": "put them together", "multiedit": own},
            files=files,
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert response.status_code == 200, response.text
    edited, base, mask = map(levels, (io.BytesIO(response.content), PICTURES[0], PICTURES[2]))
    kept = mask[..., 0] == 0
    assert np.array_equal(edited[kept], base[kept])
    assert not np.array_equal(edited, base)
