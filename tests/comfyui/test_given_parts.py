"""Models from other loaders, chained LoRAs and changed sampling, by tiny weights in a real ComfyUI."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.edit_prompts import (
    Prompt,
    changed,
    counts,
    edit,
    mask,
    node,
    picture,
    result,
)
from multiedit.tests.support.family_tables import tried

LORA_2509 = "Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16.safetensors"
LORA_2511 = "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16.safetensors"
FLUX_LORA = "Flux_2-Turbo-LoRA_comfyui.safetensors"
QWEN, FIRST, KLEIN = "qwen-edit", "qwen-image-edit", "flux-2-klein-4b-edit"
# By model: its files, the type of the text encoder, and the profile of its plain weights.
FILES = {
    QWEN: ("qwen_image_edit_2511_bf16", "qwen_2.5_vl_7b_fp8_scaled", "qwen_image_vae", "qwen_image"),
    "qwen-edit-2509": (
        "qwen_image_edit_2509_bf16",
        "qwen_2.5_vl_7b_fp8_scaled",
        "qwen_image_vae",
        "qwen_image",
    ),
    FIRST: ("qwen_image_edit_fp8_e4m3fn", "qwen_2.5_vl_7b_fp8_scaled", "qwen_image_vae", "qwen_image"),
    KLEIN: ("flux-2-klein-4b-fp8", "qwen_3_4b", "flux2-vae", "flux2"),
    "flux-2-klein-9b-edit": ("flux-2-klein-9b-kv-fp8", "qwen_3_8b_fp8mixed", "flux2-vae", "flux2"),
    "flux-2-dev-edit": ("flux2_dev_fp8mixed", "mistral_3_small_flux2_bf16", "flux2-vae", "flux2"),
    "mage-flow-turbo-edit": ("mage_flow_edit_turbo_bf16", "qwen3vl_4b_bf16", "mage_flow_vae_bf16", "mage"),
    "longcat-image-edit": (
        "longcat_image_edit_bf16",
        "qwen_2.5_vl_7b_fp8_scaled",
        "ae",
        "longcat_image",
    ),
    "boogu-image-edit": ("boogu_image_edit_fp8_scaled", "qwen3vl_8b_fp8_scaled", "ae", "boogu"),
    "flux-1-kontext-dev-edit": ("flux1-dev-kontext_fp8_scaled", "t5xxl_fp16", "ae", "flux"),
    "flux-1-fill-dev": ("flux1-fill-dev", "t5xxl_fp16", "ae", "flux"),
}
PROFILES = {
    QWEN: "qwen-edit-2511-full",
    "qwen-edit-2509": "qwen-edit-2509-full",
    FIRST: "qwen-edit-first",
    KLEIN: "flux-2-klein-4b",
    "flux-2-klein-9b-edit": "flux-2-klein-9b",
    "flux-2-dev-edit": "flux-2-dev-full",
    "mage-flow-turbo-edit": "mage-flow-edit-turbo",
    "longcat-image-edit": "longcat-edit",
    "boogu-image-edit": "boogu-edit",
    "flux-1-kontext-dev-edit": "flux-kontext-dev",
    "flux-1-fill-dev": "flux-fill-dev",
}


@pytest.fixture
def server(model_server: Server) -> Iterator[Server]:
    model_server.post("/tiny/reset")
    yield model_server
    model_server.post("/tiny/reset")


def test_parts_of_every_family_are_tried() -> None:
    assert set(tried("parts")) <= {*FILES, "qwen-image-layered"}  # of layers in test_image_to_layers.py


def from_parts(model: str, images: list[str], chosen: str | None = None, **widgets: Any) -> Prompt:
    """An edit by ComfyUI's own loaders; `widgets` are those of Multi-Edit Model from Parts."""
    prompt = edit(model, images, chosen)
    weights, encoder, vae, kind = FILES[model]
    prompt |= {
        "unet": node("UNETLoader", unet_name=f"{weights}.safetensors", weight_dtype="default"),
        "clip": _text_encoder(f"{encoder}.safetensors", kind),
        "vae": node("VAELoader", vae_name=f"{vae}.safetensors"),
    }
    links = {"model": ["unet", 0], "clip": ["clip", 0], "vae": ["vae", 0]}
    prompt["model"] = node("MultiEditModelFromParts", **{**links, "profile": "auto", **widgets})
    return telling(prompt)


def _text_encoder(file: str, kind: str) -> Prompt:
    if kind == "flux":
        second = "clip_l.safetensors"
        return node("DualCLIPLoader", clip_name1=file, clip_name2=second, type=kind)
    return node("CLIPLoader", clip_name=file, type=kind)


def telling(prompt: Prompt) -> Prompt:
    """With nodes that show the plan and the summary."""
    prompt["plan"] = node("PreviewAny", source=["edit", 1])
    prompt["summary"] = node("PreviewAny", source=["edit", 2])
    return prompt


def told(server: Server, prompt: Prompt) -> tuple[dict[str, Any], str]:
    """The plan's part about the model, and the summary."""
    run = server.run(prompt)
    assert "execution_success" in run.events, run.error
    plan, summary = (run.entry["outputs"][name]["text"][0] for name in ("plan", "summary"))
    return json.loads(plan)["generation"], summary


def three(server: Server) -> list[str]:
    return [picture(server, f"{number}.png", number) for number in (1, 2, 3)]


@pytest.mark.parametrize("model", FILES)
def test_parts_edit_as_the_loader_does_and_know_their_profile(server: Server, model: str) -> None:
    """Whole edits by a tiny model, which take seconds on a processor."""
    images = three(server)[: load_profiles().get(PROFILES[model]).max_images]
    few = {"steps": 2}
    told_to = {"profile": PROFILES[FIRST]} if model == FIRST else {}  # auto takes it for the second
    prompt = from_parts(model, images, mask(server), **few, **told_to)
    generation, summary = told(server, prompt)
    assert (generation["profile"], generation["files"]) == (PROFILES[model], {})
    assert generation["steps"] == 2
    assert "steps is 2, in place of" in summary
    loader = {"model": model, "model.profile": PROFILES[model]}
    if model == "flux-2-klein-9b-edit":  # of 9B there is the KV file only
        loader = {"model": "flux-2-klein-9b-kv-edit", "model.profile": "flux-2-klein-9b-kv"}
        prompt["model"]["inputs"]["profile"] = "flux-2-klein-9b-kv"
    loaded = changed(edit(model, images, mask(server), loader=loader), "MultiEditSampling", **few)
    assert np.array_equal(result(server, prompt), result(server, loaded))


def lora(prompt: Prompt, name: str, file: str, strength: float = 1.0) -> Prompt:
    return changed(prompt, "MultiEditLora", name, lora_name=file, strength_model=strength)


def test_loras_add_up_with_their_strengths_and_stand_in_the_plan(server: Server) -> None:
    images = three(server)
    plain = result(server, edit(QWEN, images))
    one = lora(edit(QWEN, images), "one", LORA_2509, 0.5)
    first = result(server, one)
    assert not np.array_equal(first, plain)
    generation, summary = told(server, telling(lora(one, "two", LORA_2511, -0.25)))
    assert generation["loras"] == [
        {"name": LORA_2509, "strength": 0.5},
        {"name": LORA_2511, "strength": -0.25},
    ]
    assert f"LoRA {LORA_2511} is added at strength -0.25." in summary
    assert not np.array_equal(result(server, one), first)
    off = lora(edit(QWEN, images), "one", LORA_2509, 0.0)
    assert np.array_equal(result(server, off), plain)
    # The loader's own LoRA is the same as one of the chain.
    loader = {"lora": LORA_2509, "strength_model": 0.5}
    assert np.array_equal(result(server, edit(QWEN, images, loader=loader)), first)
    assert told(server, telling(edit(QWEN, images, loader=loader)))[0]["loras"] == generation["loras"][:1]


def test_a_lora_of_another_model_is_an_error_and_one_that_fits_in_part_a_warning(server: Server) -> None:
    images = three(server)
    run = server.run(lora(edit(QWEN, images), "one", FLUX_LORA))
    assert f"LoRA {FLUX_LORA} does not fit: none of its" in run.error
    assert run.events["execution_error"]["node_id"] == "one"
    path = server.base / "models" / "loras" / "partly.safetensors"
    _mixed(server, path, LORA_2511, FLUX_LORA)
    try:
        server.get("/object_info/MultiEditLora")  # reads the folder anew
        prompt = telling(lora(edit(QWEN, images), "one", path.name))
        summary = told(server, prompt)[1]
    finally:
        path.unlink()
    assert "LoRA partly.safetensors fits in part: " in summary
    assert "tensors are not for Qwen-Image-Edit 2511, Lightning 4 steps, such as diffusion_model." in summary


def test_a_lora_of_another_size_is_an_error(server: Server) -> None:
    path = server.base / "models" / "loras" / "wide.safetensors"
    _widened(server, path, LORA_2511)
    try:
        server.get("/object_info/MultiEditLora")
        run = server.run(lora(edit(QWEN, three(server)), "one", path.name))
    finally:
        path.unlink()
    assert "layers has the size of Qwen-Image-Edit 2511" in run.error


def _tensors(server: Server, name: str) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(server.base / "models" / "loras" / name)


def _mixed(server: Server, path: Path, *names: str) -> None:
    from safetensors.torch import save_file

    save_file({key: value for name in names for key, value in _tensors(server, name).items()}, path)


def _widened(server: Server, path: Path, name: str) -> None:
    """The same LoRA for a model that is twice as wide."""
    from safetensors.torch import save_file

    def wide(key: str, value: Any) -> Any:
        return value.repeat(1, 2) if key.endswith("down.weight") else value

    save_file({key: wide(key, value).contiguous() for key, value in _tensors(server, name).items()}, path)


@pytest.mark.parametrize("model", [QWEN, KLEIN, "flux-2-klein-4b-base-edit", "mage-flow-edit"])
def test_a_negative_prompt_and_less_noise_change_the_edit(server: Server, model: str) -> None:
    """Several whole edits by a tiny model, which take seconds on a processor."""
    images = three(server)[:2]

    def sampled(seed: int = 1, **widgets: Any) -> np.ndarray:
        return result(
            server, changed(edit(model, images, seed=seed), "MultiEditSampling", steps=2, **widgets)
        )

    guided = sampled(cfg=3.0)
    assert not np.array_equal(guided, sampled(cfg=3.0, negative_prompt="the sea at night"))
    assert np.array_equal(sampled(cfg=1.0), sampled(cfg=1.0, negative_prompt="the sea at night"))

    def spread(denoise: float) -> float:
        """By how much two seeds differ: little where sampling starts from the base."""
        one, other = (sampled(seed, denoise=denoise).astype(float) for seed in (1, 2))
        return float(np.abs(one - other).mean())

    assert 0 < spread(0.01) < 0.7 * spread(1.0)


def test_another_schedule_is_taken(server: Server) -> None:
    images = three(server)[:1]
    made = [
        result(server, changed(edit(KLEIN, images), "MultiEditSampling", **widgets))
        for widgets in ({}, {"scheduler": "beta"}, {"sampler": "heun"}, {"denoise": 0.5})
    ]
    assert len({image.tobytes() for image in made}) == len(made)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"clip": KLEIN}, "clip is a text encoder of another family (KleinTokenizer); Qwen-Image-Edit 2511"),
        ({"vae": KLEIN}, "vae is of another family: it has 128 channels in 2 dimensions"),
        ({"profile": "flux-2-klein-4b"}, "profile is flux-2-klein-4b, but the model is a QwenImage."),
        ({"shift": 3.0, "model": KLEIN}, "shift is 3, but FLUX.2 klein 4B takes its shift from"),
    ],
)
def test_parts_of_different_families_are_refused_on_the_node(
    server: Server, parts: dict[str, Any], words: str
) -> None:
    prompt = from_parts(parts.pop("model", QWEN), three(server)[:1])
    for name, value in parts.items():
        if name in ("clip", "vae"):
            prompt[name] = from_parts(value, three(server)[:1])[name]
        else:
            prompt["model"]["inputs"][name] = value
    run = server.run(prompt)
    assert words in run.error
    assert run.events["execution_error"]["node_id"] == "model"
    assert "sample" not in counts(server)


@pytest.mark.parametrize(
    ("widgets", "words"),
    [
        ({"steps": 0}, "steps is 0; it must be 1 to 10000, or -1 for the profile's."),
        ({"cfg": -2.0}, "cfg is -2.0; it must be 0 to 100"),
        ({"denoise": 0.0}, "denoise is 0.0; it must be 0.01 to 1."),
        ({"sampler": "eular"}, "Value not in list"),
        ({"scheduler": "flux2"}, "Value not in list"),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["from parts", "sampling"])
def test_wrong_sampling_is_refused_before_anything_is_loaded(
    server: Server, widgets: dict[str, Any], words: str, late: bool
) -> None:
    images = three(server)[:1]
    prompt = changed(edit(KLEIN, images), "MultiEditSampling", **widgets)
    prompt = prompt if late else from_parts(KLEIN, images, **widgets)
    with pytest.raises(AssertionError, match=re.escape(words)):
        server.run(prompt)
    assert counts(server) == {}


def test_what_was_encoded_stays_when_only_the_sampling_changes(server: Server) -> None:
    images = three(server)
    server.run(from_parts(KLEIN, images, steps=2))
    server.post("/tiny/reset")
    run = server.run(from_parts(KLEIN, images, steps=3))
    assert "execution_success" in run.events
    assert counts(server) == {"sample": 3, "decode": 1}
