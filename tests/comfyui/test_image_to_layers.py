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
from multiedit.tests.support.family_tables import tried

LORA = tried("LoRA")["qwen-image-layered"]


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


def changed(prompt: Prompt, class_type: str, **widgets: Any) -> Prompt:
    """With another node between the model and Image to Layers."""
    loaded = {"loaded_model": prompt["split"]["inputs"]["loaded_model"]}
    split = {**prompt["split"], "inputs": {**prompt["split"]["inputs"], "loaded_model": ["changed", 0]}}
    return {**prompt, "changed": node(class_type, **{**loaded, **widgets}), "split": split}


def from_parts(
    image: str,
    file: str = "qwen_image_layered_bf16",
    vae: str = "qwen_image_layered_vae",
    **widgets: Any,
) -> Prompt:
    """The model by ComfyUI's own loaders."""
    parts = {"model": ["unet", 0], "clip": ["clip", 0], "vae": ["vae", 0], "profile": "auto"}
    return {
        **split(image),
        "unet": node("UNETLoader", unet_name=f"{file}.safetensors", weight_dtype="default"),
        "clip": node("CLIPLoader", clip_name="qwen_2.5_vl_7b_fp8_scaled.safetensors", type="qwen_image"),
        "vae": node("VAELoader", vae_name=f"{vae}.safetensors"),
        "model": node("MultiEditModelFromParts", **parts, **widgets),
    }


def test_layers_come_of_parts_loras_and_other_sampling_too(model_server: Server) -> None:
    """Several splittings by a tiny model, which take seconds on a processor."""
    image = picture(model_server, "1.png", 1)

    def sampled(**widgets: Any) -> np.ndarray:
        return result(model_server, changed(split(image), "MultiEditSampling", **widgets))

    few = sampled(steps=2)
    assert np.array_equal(few, result(model_server, from_parts(image, steps=2)))
    assert not np.array_equal(few, sampled(steps=3))
    assert not np.array_equal(few, sampled(steps=2, negative_prompt="the sea at night"))
    added = changed(from_parts(image, steps=2), "MultiEditLora", lora_name=LORA, strength_model=1.0)
    run = model_server.run(added)
    (image_with_lora,) = pixels(model_server, run)
    assert not np.array_equal(few, image_with_lora)
    assert f"LoRA {LORA} is added at strength 1." in run.entry["outputs"]["summary"]["text"][0]


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            from_parts("1.png", "qwen_image_edit_2511_bf16", "qwen_image_vae"),
            "Qwen-Image-Edit 2511 splits no image into layers",
        ),
        (
            from_parts("1.png", vae="qwen_image_vae"),
            "its images have 3 channels, and those of Qwen-Image-Layered have 4",
        ),
        (
            changed(split("1.png"), "MultiEditSampling", denoise=0.5),
            "denoise is 0.5, but layers are made of noise alone",
        ),
        (
            {**split("1.png"), "split": node("MultiEditImageToLayers", loaded_model="x", image=["image", 0])},
            "loaded_model is 'x', not a model. Connect Load Multi-Edit Model or Multi-Edit Model from Parts",
        ),
        (
            changed(split("1.png"), "MultiEditSampling", loaded_model="x"),
            "loaded_model is 'x', not a model.",
        ),
    ],
    ids=["parts of an edit model", "an RGB VAE", "less noise", "text", "text before it"],
)
def test_what_makes_no_layers_is_refused_before_anything_is_sampled(
    model_server: Server, prompt: Prompt, message: str
) -> None:
    picture(model_server, "1.png", 1)
    model_server.forget()
    model_server.post("/tiny/reset")
    assert message in model_server.run(prompt).error
    assert "sample" not in counts(model_server)


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
