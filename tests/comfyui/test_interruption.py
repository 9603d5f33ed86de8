"""POST /interrupt while one of our nodes works: it is heard within seconds, however long the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from multiedit.tests.support.comfyui import Server

HEARD_SECONDS = 8.0  # one is the aim on an idle machine
BEGUN_SECONDS = 0.5


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def plain(width: int, height: int, frames: int, color: int) -> dict[str, Any]:
    return node("EmptyImage", width=width, height=height, batch_size=frames, color=color)


def photographs(width: int, height: int, frames: int) -> dict[str, Any]:
    return {
        "photograph": node("LoadImage", image="coffee.jpg"),
        "large": node(
            "ImageScale", image=["photograph", 0], width=width, height=height, crop="disabled",
            upscale_method="bilinear",
        ),
        "source": node("RepeatImageBatch", image=["large", 0], amount=frames),
    }  # fmt: skip


def composed(width: int, height: int, frames: int, **placement: Any) -> dict[str, Any]:
    images = {"image_1": ["source", 0], "image_2": ["overlay", 0]}
    return {
        "source": plain(width, height, frames, 0x336699),
        "overlay": plain(width, height, 1, 0x993366),
        "node": node("MultiEditCompose", **images, **placement),
        "end": node("PreviewImage", images=["node", 0]),
    }


# On two cores each takes over 10 seconds; the slow address never ends.
GRAPHS: dict[str, dict[str, Any]] = {
    "60 frames of Safe Mode in tiles": {
        "source": plain(1600, 1300, 60, 0x808080),
        "node": node("MultiEditSafeMode", image=["source", 0], tiles=True),
        "end": node("PreviewImage", images=["node", 0]),
    },
    "large seamless layers": composed(4000, 4000, 2, seamless=True, rotation=20.0),
    "a batch of seamless layers": composed(1200, 900, 60, seamless=True, rotation=20.0),
    "60 saved frames": {
        **photographs(1600, 1200, 60),
        "node": node("MultiEditSave", images=["source", 0], filename_prefix="stopped", format="webp",
                     **{"format.quality": 95, "format.lossless": True}),
    },
    "one large saved frame": {
        **photographs(8000, 8000, 1),
        "node": node("MultiEditSave", images=["source", 0], filename_prefix="stopped", format="webp",
                     **{"format.quality": 95, "format.lossless": True}),
    },
    "a slow address": {
        "node": node("MultiEditLoadUrl"),
        "end": node("PreviewImage", images=["node", 0]),
    },
}  # fmt: skip


class _Slow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.server.ended.wait(60)  # type: ignore[attr-defined]

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def slow_address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    server.ended = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a.png"
    server.ended.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", GRAPHS)
def test_an_interruption_is_heard(server: Server, slow_address: str, name: str) -> None:
    """Takes seconds: making the images, waiting for the work to begin, and the cancel itself."""
    graph = {key: {**part, "inputs": dict(part["inputs"])} for key, part in GRAPHS[name].items()}
    if name == "a slow address":
        graph["node"]["inputs"]["url"] = slow_address
    begun, heard = 0.0, 0.0
    running: set[str] = set()

    def interrupt(event: str, data: Any) -> None:
        nonlocal begun, heard
        if event == "executing":
            running.add(data["node"])
        # A node with a lazy input is named once before that input is made.
        made = running >= graph.keys() - {"end"}
        if not begun and event == "executing" and data["node"] == "node" and made:
            time.sleep(BEGUN_SECONDS)
            begun = time.monotonic()
            server.post("/interrupt")
        if event == "execution_interrupted":
            heard = time.monotonic()

    watched = server.watch(graph, interrupt)
    assert watched.events.ended == "execution_interrupted"
    assert begun < heard < begun + HEARD_SECONDS, f"heard after {heard - begun:.2f} s"
    server.forget()
