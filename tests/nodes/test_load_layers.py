"""Load Layered Images in ComfyUI's executor: files, text, masks, validation, fingerprints."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


@pytest.fixture
def files(folders: Path) -> Path:
    """Three pictures in the input folder: plain, with alpha, and one that is none."""
    home = folders / "input"
    Image.new("RGB", (320, 240), (255, 0, 0)).save(home / "red.png")
    Image.new("RGBA", (300, 300), (0, 255, 0, 51)).save(home / "green.png")
    (home / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    return home


def load(graph: Any, **choices: Any) -> list[Any]:
    inputs = {"image_1": "none", "image_2": "none", "image_3": "none"} | choices
    return graph.run("MultiEditLoadLayers", **inputs)


def test_files_come_as_load_image_has_them(graph: Any, files: Path) -> None:
    file = {"image_1": "file", "image_1.file": "red.png", "image_2": "file", "image_2.file": "green.png"}
    red, red_mask, green, green_mask, *_ = load(graph, **file)
    for name, image, mask in (("red.png", red, red_mask), ("green.png", green, green_mask)):
        theirs, their_mask = graph.run("LoadImage", image=name)
        torch.testing.assert_close(image, theirs)
        torch.testing.assert_close(mask, their_mask)


def test_what_is_missing_is_no_error(graph: Any, files: Path) -> None:
    first = {"image_1": "file", "image_1.file": "red.png"}
    *outputs, layers = load(graph, **first, **{"image_3": "file", "image_3.file": "green.png"})
    assert outputs[2:4] == [None, None]
    assert outputs[4].shape == (1, 300, 300, 3)
    assert layers["canvas"] == (320, 240)
    assert [(layer["x"], layer["y"], layer["w"], layer["h"]) for layer in layers["layers"][1:]] == [
        (40, 0, 240, 240)
    ]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_text_is_loaded(graph: Any, files: Path, prefix: str) -> None:
    text = prefix + base64.b64encode((files / "green.png").read_bytes()).decode()
    _, mask, *_ = load(graph, **{"image_1": "url", "image_1.url": text})
    torch.testing.assert_close(mask, torch.full((1, 300, 300), 0.8))


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"image_1": "none"}, "image 1 is missing"),
        ({"image_1": "file", "image_1.file": "gone.png"}, "'gone.png' is not in the input folder"),
        ({"image_1": "file", "image_1.file": "../secret.png"}, "not in the input folder"),
        (
            {"image_1": "file", "image_1.file": "red.png", "image_2": "url", "image_2.url": ""},
            "image 2 is set to url, but none is given",
        ),
        ({"image_1": "file", "image_1.file": "broken.png"}, "image 1 is a damaged"),
        (
            {"image_1": "file", "image_1.file": "red.png", "image_3": "url", "image_3.url": "not base64!"},
            "image 3 is not valid base64",
        ),
        ({"image_1": "url", "image_1.url": "http://127.0.0.1:8188/a.png"}, r"image 1.*127\.0\.0\.1"),
        ({"image_1": "url", "image_1.url": "file:///etc/passwd"}, "image 1 is a URL of the scheme file"),
    ],
)
def test_what_is_bad_is_an_error_that_names_the_image(
    graph: Any, files: Path, choices: dict[str, str], words: str
) -> None:
    with pytest.raises(graph.Failed, match=words):
        load(graph, **choices)


def test_an_annotated_name_is_of_another_folder(graph: Any, files: Path, folders: Path) -> None:
    os.replace(files / "red.png", folders / "output" / "made.png")
    image, *_ = load(graph, **{"image_1": "file", "image_1.file": "made.png [output]"})
    assert image.shape == (1, 240, 320, 3)


def test_a_changed_file_is_loaded_again_and_the_same_is_not(graph: Any, files: Path) -> None:
    choice = {"image_1": "file", "image_1.file": "red.png"}
    prompt = graph.prompt("MultiEditLoadLayers", image_2="none", image_3="none", **choice)
    graph.queue(prompt)
    os.utime(files / "red.png")
    graph.queue(prompt)
    assert "node" in graph.cached
    Image.new("RGB", (320, 240), (0, 0, 255)).save(files / "red.png")
    graph.queue(prompt)
    assert "node" not in graph.cached


def test_a_refresh_asks_again(graph: Any, files: Path) -> None:
    choice = {"image_1": "file", "image_1.file": "red.png", "image_2": "none", "image_3": "none"}
    graph.queue(graph.prompt("MultiEditLoadLayers", refresh=0, **choice))
    graph.queue(graph.prompt("MultiEditLoadLayers", refresh=0, **choice))
    assert "node" in graph.cached
    graph.queue(graph.prompt("MultiEditLoadLayers", refresh=1, **choice))
    assert "node" not in graph.cached


def test_a_fingerprint_fetches_nothing(comfyui: Any, files: Path) -> None:
    node = comfyui.NODE_CLASS_MAPPINGS["MultiEditLoadLayers"]
    url = {"image_1": "url", "url": "http://127.0.0.1:9/never.png"}
    assert node.fingerprint_inputs(refresh=3, image_1=url) == []
    file = {"image_2": "file", "file": "red.png"}
    assert len(node.fingerprint_inputs(image_1=url, image_2=file)) == 1


def test_a_slow_fetch_ends_when_it_is_interrupted(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import comfy.model_management as management
    from multiedit.nodes.progress import interruptible

    ended: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def interrupted() -> None:
        asyncio.get_running_loop().call_later(0.05, management.interrupt_current_processing, True)
        await interruptible(slow())

    with pytest.raises(management.InterruptProcessingException):
        asyncio.run(interrupted())
    assert ended == ["cancelled"]
