"""The official graph of every model, with tiny random weights, through ComfyUI's own loaders and samplers."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import official_graphs as official
import pytest
from comfyui import Run, Server
from official_graphs import Files, Graph
from pictures import SAMPLES
from PIL import Image

PIXELS = 128 * 128
IMAGES = ["one.png", "two.png", "three.png"]
EDITED = ["one.png", "three.png", "two.png"]
QWEN = Files(
    "qwen_image_edit_2511_bf16.safetensors",
    "qwen_2.5_vl_7b_fp8_scaled.safetensors",
    "qwen_image_vae.safetensors",
)


def of_qwen(model: str, lora: str = "") -> Files:
    return Files(model, QWEN.text_encoder, QWEN.vae, lora)


def of_flux2(model: str, text_encoder: str, lora: str = "") -> Files:
    return Files(f"{model}.safetensors", f"{text_encoder}.safetensors", "flux2-vae.safetensors", lora)


def of_mage(model: str) -> Files:
    return Files(model, "qwen3vl_4b_bf16.safetensors", "mage_flow_vae_bf16.safetensors")


def lightning(name: str) -> str:
    return f"{name}-Lightning-4steps-V1.0-bf16.safetensors"


GRAPHS: dict[str, Callable[..., Graph]] = {
    "Qwen-Image-Edit 2511": partial(official.qwen_edit, QWEN),
    "Qwen-Image-Edit 2511 Lightning": partial(
        official.qwen_edit, of_qwen(QWEN.model, lightning("Qwen-Image-Edit-2511")), cfg=1.0
    ),
    "Qwen-Image-Edit 2509": partial(
        official.qwen_edit, of_qwen("qwen_image_edit_2509_bf16.safetensors"), version="2509"
    ),
    "FireRed": partial(official.firered, of_qwen("FireRed-Image-Edit-1.1-transformer.safetensors")),
    "Rapid-AIO": partial(official.qwen_all_in_one, Files("Qwen-Rapid-AIO-NSFW-v23.safetensors")),
    "klein 4B": partial(official.flux2_klein, of_flux2("flux-2-klein-4b-fp8", "qwen_3_4b")),
    "klein 4B base": partial(
        official.flux2_klein, of_flux2("flux-2-klein-base-4b-fp8", "qwen_3_4b"), base=True, cfg=5.0
    ),
    "klein 9B-KV": partial(
        official.flux2_klein, of_flux2("flux-2-klein-9b-kv-fp8", "qwen_3_8b_fp8mixed"), kv_cache=True
    ),
    "dev": partial(official.flux2_dev, of_flux2("flux2_dev_fp8mixed", "mistral_3_small_flux2_bf16")),
    "dev turbo": partial(
        official.flux2_dev,
        of_flux2("flux2_dev_fp8mixed", "mistral_3_small_flux2_bf16", "Flux_2-Turbo-LoRA_comfyui.safetensors"),
    ),
    "Mage-Flow-Edit turbo": partial(official.mage, of_mage("mage_flow_edit_turbo_bf16.safetensors")),
    "Mage-Flow-Edit": partial(official.mage, of_mage("mage_flow_edit_bf16.safetensors"), base=True, cfg=5.0),
}


@pytest.fixture(scope="module")
def server(model_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """With three small pictures in the input folder."""
    folder = tmp_path_factory.mktemp("pictures")
    picture = Image.open(SAMPLES / "coffee.jpg")
    for n, name in enumerate(IMAGES):
        picture.crop((80 * n, 60 * n, 80 * n + 160, 60 * n + 120)).save(folder / name)
    model_server.add_inputs(*(folder / name for name in IMAGES))
    return model_server


def pixels(server: Server, run: Run) -> np.ndarray:
    assert "execution_success" in run.events, run.error
    return np.asarray(Image.open(io.BytesIO(server.view(run.files("save")[0]))))


@pytest.mark.parametrize("name", GRAPHS)
def test_an_official_graph_answers_to_its_prompt_and_to_the_order_of_its_images(
    server: Server, name: str
) -> None:
    build = partial(GRAPHS[name], seed=1, steps=2, reference_pixels=PIXELS)
    first, reworded, reordered = (
        pixels(server, server.run(build(images=images, prompt=prompt)))
        for images, prompt in (
            (IMAGES, "a hat"),
            (IMAGES, "a red scarf and the sea at night"),
            (EDITED, "a hat"),
        )
    )
    assert first.shape[0] * first.shape[1] == pytest.approx(PIXELS, rel=0.2)
    assert first.std() > 5
    assert not np.array_equal(first, reworded)
    assert not np.array_equal(first, reordered)
    assert "invalid value encountered" not in server.log  # a NaN on its way into a PNG
