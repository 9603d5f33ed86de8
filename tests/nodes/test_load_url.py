"""Load Image from URL in ComfyUI's executor: text, caching, errors, interruption."""

from __future__ import annotations

import asyncio
import base64
import io
from typing import Any

import pytest
import torch
from PIL import Image

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def base64_image() -> str:
    file = io.BytesIO()
    Image.new("RGBA", (300, 300), (0, 255, 0, 51)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_text_is_loaded_with_its_alpha(graph: Any, prefix: str) -> None:
    image, mask = graph.run("MultiEditLoadUrl", url=prefix + base64_image())
    torch.testing.assert_close(mask, torch.full((1, 300, 300), 0.8))
    torch.testing.assert_close(image[..., 3], torch.full((1, 300, 300), 0.2))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (" ", "url is empty"),
        ("not base64!", "image 1 is not valid base64"),
        ("http://127.0.0.1:8188/a.png", r"image 1.*127\.0\.0\.1"),
        ("file:///etc/passwd", "image 1 is a URL of the scheme file"),
    ],
)
def test_what_is_bad_is_an_error(graph: Any, url: str, words: str) -> None:
    with pytest.raises(graph.Failed, match=words):
        graph.run("MultiEditLoadUrl", url=url)


def test_a_refresh_asks_again(graph: Any) -> None:
    text = base64_image()
    graph.queue(graph.prompt("MultiEditLoadUrl", url=text, refresh=0))
    graph.queue(graph.prompt("MultiEditLoadUrl", url=text, refresh=0))
    assert "node" in graph.cached
    graph.queue(graph.prompt("MultiEditLoadUrl", url=text, refresh=1))
    assert "node" not in graph.cached


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
