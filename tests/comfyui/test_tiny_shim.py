"""What the tests of the models rest on: counts of the phases of an edit, trouble in them, and its events."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from multiedit.tests.support import official_graphs as official
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.official_graphs import Files, Graph
from multiedit.tests.support.pictures import PICTURES
from PIL import Image

PIXELS = 128 * 128
IMAGES = [picture.name for picture in PICTURES]
MAGE = Files(
    "mage_flow_edit_turbo_bf16.safetensors", "qwen3vl_4b_bf16.safetensors", "mage_flow_vae_bf16.safetensors"
)
QWEN = Files("Qwen-Rapid-AIO-NSFW-v23.safetensors")
KLEIN = Files("flux-2-klein-4b-fp8.safetensors", "qwen_3_4b.safetensors", "flux2-vae.safetensors")


def klein(seed: int = 1) -> Graph:
    return official.flux2_klein(KLEIN, IMAGES, "a hat", seed, steps=3, reference_pixels=PIXELS)


@pytest.fixture
def server(model_server: Server) -> Iterator[Server]:
    """With nothing counted, nothing asked for, and ComfyUI's cache empty."""
    model_server.forget()
    model_server.post("/tiny/reset")
    yield model_server
    model_server.post("/tiny/reset")


def counts(server: Server) -> dict[str, int]:
    """Of the phases that ran."""
    return {phase: count for phase, count in server.json("/tiny/counts").items() if count}


def test_every_phase_is_counted(server: Server) -> None:
    loads = {"load_diffusion_model": 1, "load_clip": 1, "load_vae": 1}
    server.run(klein())
    assert counts(server) == loads | {"encode": 3, "text": 1, "sample": 3, "decode": 1}
    server.post("/tiny/reset")
    server.run(klein(seed=2))
    assert counts(server) == {"sample": 3, "decode": 1}


@pytest.mark.parametrize(
    ("graph", "loads"),
    [
        (
            official.mage(MAGE, IMAGES, "a hat", 1, steps=2, reference_pixels=PIXELS),
            {"load_diffusion_model": 1, "load_clip": 1, "load_vae": 1},
        ),
        (
            official.qwen_all_in_one(QWEN, IMAGES, "a hat", 1, steps=2, reference_pixels=PIXELS),
            {"load_checkpoint": 1, "load_vae": 1},
        ),
    ],
    ids=["Mage-Flow", "Rapid-AIO"],
)
def test_both_branches_of_a_vision_model_are_counted(
    server: Server, graph: Graph, loads: dict[str, int]
) -> None:
    server.run(graph)
    assert counts(server) == loads | {"encode": 3, "vision": 6, "text": 2, "sample": 2, "decode": 1}


def test_the_events_of_a_prompt_are_seen(server: Server) -> None:
    graph = klein()
    watched = server.watch(graph)
    assert set(watched.events.executed) == set(graph)
    assert watched.events.ended == "execution_success"
    assert watched.events.progress == [("sample", step, 3) for step in (1, 2, 3)]
    assert len(watched.events.previews) == 3
    assert Image.open(io.BytesIO(watched.events.previews[0])).format == "JPEG"
    again = server.watch(klein(seed=2))
    assert set(again.events.executed) == {"noise", "sample", "decode", "save"}
    assert again.events.cached == again.run.cached == set(graph) - set(again.events.executed)


def test_a_full_card_is_met_within_the_vae_where_comfyui_turns_to_tiles(server: Server) -> None:
    server.post("/tiny/out_of_memory", {"phase": "decode", "times": 1})
    assert "execution_success" in server.run(klein()).events
    assert "retrying with tiled VAE decoding" in server.log
    server.post("/tiny/out_of_memory", {"phase": "decode", "times": 2})
    assert "memory" in server.run(klein(seed=2)).error.lower()
    server.post("/tiny/out_of_memory", {"phase": "sample", "times": 1})
    assert "memory" in server.run(klein(seed=3)).error.lower()
    assert "execution_success" in server.run(klein(seed=3)).events


@pytest.mark.parametrize(
    ("phase", "node"),
    [
        ("load_clip", "text encoder"),
        ("encode", "encode"),
        ("text", "positive"),
        ("sample", "sample"),
        ("decode", "decode"),
    ],
)
def test_a_slow_phase_can_be_interrupted(server: Server, phase: str, node: str) -> None:
    server.post("/tiny/slow", {"phase": phase, "seconds": 60})

    def interrupt(event: str, data: Any) -> None:
        if event == "executing" and data["node"].startswith(node):
            server.post("/interrupt")

    watched = server.watch(klein(), interrupt)
    assert watched.events.ended == "execution_interrupted"
    assert watched.run.events["execution_interrupted"]["node_id"].startswith(node)
