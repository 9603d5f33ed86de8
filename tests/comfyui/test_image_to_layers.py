"""Image to Layers by tiny random weights, through the real loaders in a real ComfyUI."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.edit_prompts import (
    MEGAPIXELS,
    SIZE,
    Prompt,
    counts,
    edit,
    node,
    picture,
    pixels,
    result,
)


def split(image: str, model: str = "qwen-image-layered", **options: Any) -> Prompt:
    """Load Image, Load Multi-Edit Model, Image to Layers, Compose Layers and two savers."""
    asked = {"prompt": "", "layers": 2, "seed": 1, "sampling_megapixels": MEGAPIXELS, **options}
    return {
        "image": node("LoadImage", image=image),
        "model": node("MultiEditLoadModel", **{"model": model, "model.profile": "auto"}),
        "split": node("MultiEditImageToLayers", loaded_model=["model", 0], image=["image", 0], **asked),
        "composed": node("MultiEditCompose", layers=["split", 0]),
        "save": node("SaveImage", images=["composed", 0], filename_prefix="composed"),
        "layers": node("SaveImage", images=["split", 1], filename_prefix="layers"),
        "summary": node("PreviewAny", source=["split", 2]),
    }


def test_layers_are_what_compose_layers_takes(model_server: Server) -> None:
    image = picture(model_server, "1.png", 1)
    run = model_server.run(split(image))
    (composed,) = pixels(model_server, run)
    assert composed.shape[:2] == (SIZE[1], SIZE[0])
    assert len(run.files("layers")) == 2
    assert np.array_equal(composed, result(model_server, split(image)))
    others = ({"seed": 2}, {"prompt": "the sea at night"}, {"layers": 3})
    for asked in others:
        assert not np.array_equal(composed, result(model_server, split(image, **asked))), asked
    assert "invalid value encountered" not in model_server.log  # a NaN on its way into a PNG


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            split("1.png", model="flux-2-klein-4b-edit"),
            "splits no image into layers. Load qwen-image-layered",
        ),
        (edit("qwen-image-layered", ["1.png"]), "Qwen-Image-Layered makes no edits. Connect it to Image to"),
    ],
    ids=["an edit model", "to Multi-Edit"],
)
def test_another_model_is_refused_before_it_is_loaded(
    model_server: Server, prompt: Prompt, message: str
) -> None:
    picture(model_server, "1.png", 1)
    model_server.forget()
    model_server.post("/tiny/reset")
    assert message in model_server.run(prompt).error
    assert counts(model_server) == {}
