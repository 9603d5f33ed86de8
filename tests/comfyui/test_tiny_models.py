"""The official graph of every model, with tiny random weights, through ComfyUI's own loaders and samplers."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from multiedit.tests.support import official_graphs as official
from multiedit.tests.support.comfyui import Run, Server
from multiedit.tests.support.official_graphs import Files, Graph
from multiedit.tests.support.pictures import PICTURES
from multiedit.tests.support.tiny_models import break_files
from PIL import Image

PIXELS = 128 * 128
IMAGES = [picture.name for picture in PICTURES]
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
    "FireRed Lightning": partial(
        official.firered,
        of_qwen(
            "FireRed-Image-Edit-1.1-transformer.safetensors",
            "FireRed-Image-Edit-1.0-Lightning-8steps-v1.0.safetensors",
        ),
        cfg=1.0,
    ),
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


FLUX1 = Files(
    "flux1-dev-kontext_fp8_scaled.safetensors",
    "t5xxl_fp16.safetensors",
    "ae.safetensors",
    second_text_encoder="clip_l.safetensors",
)
# Of fewer than three images.
FEWER: dict[str, tuple[Callable[..., Graph], int]] = {
    "Qwen-Image-Edit": (
        partial(official.qwen_edit_first, of_qwen("qwen_image_edit_fp8_e4m3fn.safetensors")),
        1,
    ),
    "LongCat": (
        partial(
            official.longcat,
            Files("longcat_image_edit_bf16.safetensors", QWEN.text_encoder, "ae.safetensors"),
        ),
        1,
    ),
    "Boogu": (
        partial(
            official.boogu,
            Files(
                "boogu_image_edit_fp8_scaled.safetensors",
                "qwen3vl_8b_fp8_scaled.safetensors",
                "ae.safetensors",
            ),
        ),
        1,
    ),
    "Kontext": (partial(official.kontext, FLUX1), 2),
    "Fill": (
        partial(official.fill, replace(FLUX1, model="flux1-fill-dev.safetensors"), mask=IMAGES[2]),
        1,
    ),
}


def pixels(server: Server, run: Run) -> np.ndarray:
    assert "execution_success" in run.events, run.error
    return np.asarray(Image.open(io.BytesIO(server.view(run.files("save")[0]))))


def small(name: str, images: list[str] = IMAGES, prompt: str = "a hat") -> Graph:
    return GRAPHS[name](images, prompt, seed=1, steps=2, reference_pixels=PIXELS)


@pytest.mark.parametrize("name", GRAPHS)
def test_an_official_graph_answers_to_its_prompt_and_to_the_order_of_its_images(
    model_server: Server, name: str
) -> None:
    first, reworded, reordered = (
        pixels(model_server, model_server.run(graph))
        for graph in (
            small(name),
            small(name, prompt="a red scarf and the sea at night"),
            small(name, [IMAGES[0], IMAGES[2], IMAGES[1]]),
        )
    )
    assert first.shape[0] * first.shape[1] == pytest.approx(PIXELS, rel=0.2)
    assert first.std() > 5
    assert not np.array_equal(first, reworded)
    assert not np.array_equal(first, reordered)
    assert "invalid value encountered" not in model_server.log  # a NaN on its way into a PNG


@pytest.mark.parametrize(
    "name", sorted(FEWER.keys() - {"Boogu"})
)  # whose node has its references at a megapixel
def test_an_official_graph_of_fewer_images_answers_to_its_prompt(model_server: Server, name: str) -> None:
    build, count = FEWER[name]
    first, reworded = (
        pixels(
            model_server,
            model_server.run(build(IMAGES[:count], prompt, seed=1, steps=2, reference_pixels=PIXELS)),
        )
        for prompt in ("a hat", "a red scarf and the sea at night")
    )
    assert first.shape[0] * first.shape[1] == pytest.approx(PIXELS, rel=0.2)
    assert first.std() > 5
    assert not np.array_equal(first, reworded)
    assert "invalid value encountered" not in model_server.log  # a NaN on its way into a PNG


@pytest.mark.parametrize("name", [name for name in GRAPHS if "lora" in small(name)])
def test_a_lora_shows(model_server: Server, name: str) -> None:
    graph = small(name)
    with_lora = pixels(model_server, model_server.run(graph))
    graph["lora"]["inputs"]["strength_model"] = 0.0
    assert not np.array_equal(with_lora, pixels(model_server, model_server.run(graph)))


@pytest.mark.parametrize("name", [*GRAPHS, *FEWER])
def test_comfyui_takes_the_official_graph_at_its_full_size(model_server: Server, name: str) -> None:
    build, count = FEWER[name] if name in FEWER else (GRAPHS[name], len(IMAGES))

    def interrupt(event: str, data: Any) -> None:
        if event == "execution_start":  # it is validated, and would take minutes
            model_server.post("/interrupt")

    watched = model_server.watch(build(IMAGES[:count], "a hat", seed=1), interrupt)
    assert watched.events.ended == "execution_interrupted"


@pytest.fixture
def broken(model_server: Server, tiny_models: Path) -> Iterator[None]:
    """The broken files in a folder of that name beside the sound ones."""
    with tempfile.TemporaryDirectory() as made:
        break_files(tiny_models, Path(made))
        for folder in Path(made).iterdir():
            shutil.copytree(folder, model_server.base / "models" / folder.name / "broken")
    yield
    for folder in (model_server.base / "models").glob("*/broken"):
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (of_qwen("broken/qwen_image_edit_2509_bf16.safetensors"), "incomplete|corrupt|header|truncated"),
        (of_qwen("broken/qwen_image_edit_2511_bf16.safetensors"), "unpack"),
        (Files(QWEN.model, QWEN.text_encoder, "broken/qwen_image_vae.safetensors"), "must match"),
    ],
    ids=["cut off", "another architecture", "another VAE"],
)
@pytest.mark.usefixtures("broken")
def test_a_broken_file_is_broken_in_comfyui_too(model_server: Server, files: Files, message: str) -> None:
    run = model_server.run(official.qwen_edit(files, IMAGES, "a hat", 1, steps=1, reference_pixels=PIXELS))
    assert re.search(message, run.error)
