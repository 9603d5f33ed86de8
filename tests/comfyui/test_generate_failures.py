"""Multi-Edit by tiny random weights where something goes wrong: files, memory, interruption, requests."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.edit_prompts import (
    Prompt,
    Weights,
    counts,
    edit,
    mask,
    node,
    picture,
    pixels,
    result,
)
from multiedit.tests.support.tiny_models import break_files

QWEN, KLEIN = "qwen-edit", "flux-2-klein-4b-edit"
QWEN_FILES = ("qwen_image_edit_2511_bf16", "qwen_2.5_vl_7b_fp8_scaled", "qwen_image_vae")
KLEIN_FILES = ("flux-2-klein-4b-fp8", "qwen_3_4b", "flux2-vae")


@pytest.fixture
def server(model_server: Server) -> Iterator[Server]:
    """With nothing counted and nothing asked for."""
    model_server.post("/tiny/reset")
    yield model_server
    model_server.post("/tiny/reset")


@pytest.fixture
def weights(server: Server) -> Iterator[Weights]:
    weights = Weights(server)
    yield weights
    weights.restore()


@pytest.fixture
def images(server: Server) -> list[str]:
    return [picture(server, f"{number}.png", number) for number in (1, 2)]


def fail(server: Server, phase: str, times: int) -> None:
    server.post("/tiny/out_of_memory", {"phase": phase, "times": times})


@pytest.mark.parametrize("model", [QWEN, KLEIN])
def test_on_a_full_memory_smaller_references_are_tried(server: Server, images: list[str], model: str) -> None:
    prompt = edit(model, images, mask(server), reference_megapixels=0.03)
    large = result(server, prompt)
    prompt["edit"]["inputs"]["seed"] = 2
    fail(server, "sample", 1)
    watched = server.watch(prompt)
    (smaller,) = pixels(server, watched.run)
    assert smaller.shape == large.shape
    executed = {name.rpartition(".")[2] for name in watched.events.executed}
    assert "reference_1_50" in executed
    assert not {"reference_1_25", "prompt_25", "guider_25"} & executed
    assert "out of memory while sampling; trying again with smaller references" in server.log
    prompt["edit"]["inputs"]["model.on_out_of_memory"] = "error"
    assert not np.array_equal(smaller, result(server, prompt))  # at the full size again


@pytest.mark.parametrize(("asked", "times"), [({}, 3), ({"on_out_of_memory": "error"}, 1)])
@pytest.mark.parametrize("model", [KLEIN, "mage-flow-turbo-edit"])
def test_a_memory_that_stays_full_says_what_to_change(
    server: Server, images: list[str], model: str, asked: dict[str, str], times: int
) -> None:
    fail(server, "sample", 1 if "mage" in model else times)  # its references cannot be smaller
    prompt = edit(model, images, seed=3 + times, **asked)
    message = server.run(prompt).error
    assert "Out of memory while sampling" in message
    assert "crop_and_stitch" in message
    assert result(server, prompt).std() > 5  # the next run is sound


def test_a_memory_that_is_full_in_the_vae_is_left_to_comfyuis_tiles(
    server: Server, weights: Weights, images: list[str]
) -> None:
    weights.renew(*KLEIN_FILES)
    fail(server, "encode", 1)
    fail(server, "decode", 1)
    assert result(server, edit(KLEIN, images, seed=6)).std() > 5
    assert "retrying with tiled VAE encoding" in server.log
    assert "retrying with tiled VAE decoding" in server.log


# What holds up which node, and which files are to be as if never seen so that the phase runs at all.
PHASES = {
    QWEN: [
        ("load_diffusion_model", "model", QWEN_FILES),
        ("load_clip", "model", QWEN_FILES),
        ("vision", "prompt", QWEN_FILES[1:2]),
        ("text", "prompt", QWEN_FILES[1:2]),
    ],
    KLEIN: [
        ("load_vae", "model", KLEIN_FILES),
        ("encode", "latent", KLEIN_FILES[2:]),
        ("sample", "sample", ()),
        ("decode", "decode", ()),
    ],
}


@pytest.mark.parametrize("model", PHASES)
def test_after_an_interruption_in_any_phase_the_next_run_is_undisturbed(
    server: Server, weights: Weights, images: list[str], model: str
) -> None:
    """An edit, and two more for each phase, which take seconds on a processor."""
    prompt = edit(model, images, mask(server))
    undisturbed = result(server, prompt)
    for phase, kind, files in PHASES[model]:
        weights.renew(*files)
        if not files:  # else nothing would have to be sampled
            server.run(edit(model, images, seed=9))
        server.post("/tiny/reset")
        server.post("/tiny/slow", {"phase": phase, "seconds": 60})

        def interrupt(event: str, data: Any, phase: str = phase, kind: str = kind) -> None:
            """In the midst of the phase, which lasts."""
            if event == "executing" and re.fullmatch(rf"(.*\.)?{kind}(_\d+)?", data["node"]):
                deadline = time.monotonic() + 30
                while not counts(server).get(phase) and time.monotonic() < deadline:
                    time.sleep(0.02)
                server.post("/interrupt")

        watched = server.watch(prompt, interrupt)
        assert watched.events.ended == "execution_interrupted", phase
        assert counts(server).get(phase), phase
        server.post("/tiny/reset")
        assert np.array_equal(result(server, prompt), undisturbed), phase


def refused(server: Server, prompt: Prompt) -> str:
    """What /prompt says to a prompt that is not queued."""
    with pytest.raises(AssertionError) as caught:
        server.queue(prompt)
    return str(caught.value)


def test_missing_files_are_one_error_before_anything_runs(
    server: Server, weights: Weights, images: list[str]
) -> None:
    prompt = edit(QWEN, images)
    for name in QWEN_FILES[1:]:
        weights.copy(name).unlink()
    message = refused(server, prompt)
    assert "2 are missing" in message
    for text in ("models/text_encoders", "qwen_2.5_vl_7b", "models/vae", "qwen_image_vae", "huggingface.co"):
        assert text in message
    assert counts(server) == {}


@pytest.mark.parametrize(
    ("spoiled", "asked", "words"),
    [
        ("qwen_image_edit_2509_bf16", "qwen-edit-2509", "is cut off"),
        ("qwen_image_edit_2511_bf16", QWEN, "is of another architecture"),
        ("qwen_image_vae", QWEN, "is of another architecture"),
    ],
    ids=["cut off", "another architecture", "another VAE"],
)
def test_a_file_that_is_not_what_its_name_says_is_named(
    server: Server,
    weights: Weights,
    tiny_models: Path,
    tmp_path: Path,
    images: list[str],
    spoiled: str,
    asked: str,
    words: str,
) -> None:
    break_files(tiny_models, tmp_path)
    path = weights.copy(spoiled)
    path.write_bytes(next(tmp_path.glob(f"*/{spoiled}.safetensors")).read_bytes())
    message = refused(server, edit(asked, images))
    assert f"{spoiled}.safetensors, taken for the " in message
    assert words in message
    assert counts(server) == {}
    weights.restore()
    assert result(server, edit(asked, images)).std() > 5


@pytest.mark.parametrize(
    ("asked", "inputs", "words"),
    [
        (QWEN, {"model.aspect_ratio": "21:9", "keep_size": True}, "keep_size"),
        (QWEN, {"model.aspect_ratio": "5:4"}, "qwen-edit does not support aspect_ratio '5:4'"),
        (QWEN, {"prompt": "x" * 1501}, "1501 characters; the limit of qwen-edit is 1500"),
        (QWEN, {"model.kv_cache": "on", "model.crop_and_stitch": "on"}, "there is no mask"),
        (QWEN, {"per_image": '{"9": {"role": "overlay"}}'}, "image_9 is not connected"),
        (QWEN, {"per_image": "{"}, "per_image is not valid JSON"),
    ],
)
def test_what_a_model_does_not_take_is_refused_before_it_is_loaded(
    server: Server, weights: Weights, images: list[str], asked: str, inputs: Prompt, words: str
) -> None:
    weights.renew(*QWEN_FILES)
    prompt = edit(asked, images, keep_size=False)
    prompt["edit"]["inputs"] |= inputs
    assert words in server.run(prompt).error
    assert counts(server) == {}


def test_more_images_than_the_model_takes_are_refused_before_it_is_loaded(
    server: Server, images: list[str]
) -> None:
    prompt = edit(QWEN, [*images, *images])
    run = server.run(prompt)
    assert "images has 4 images; the limit of qwen-edit is 3" in run.error
    assert counts(server) == {}


def test_without_a_loader_the_message_says_what_to_connect(server: Server, images: list[str]) -> None:
    prompt = edit(QWEN, images)
    del prompt["edit"]["inputs"]["loaded_model"]
    assert (
        "Connect Load Multi-Edit Model or Multi-Edit Model from Parts to loaded_model"
        in server.run(prompt).error
    )


def test_batches_that_do_not_agree_are_refused_before_anything_is_loaded(
    server: Server, weights: Weights, images: list[str]
) -> None:
    weights.renew(*KLEIN_FILES)
    prompt = edit(KLEIN, images)
    for name, amount in (("two", 2), ("three", 3)):
        prompt[name] = node("RepeatImageBatch", image=["image 1", 0], amount=amount)
    prompt["edit"]["inputs"] |= {"image_1": ["two", 0], "image_2": ["three", 0]}
    assert "2 frames beside 3" in server.run(prompt).error
    assert counts(server) == {}
