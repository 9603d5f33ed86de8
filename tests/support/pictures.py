"""The photographs that the pack ships, and a server of them on 127.0.0.1."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

API = Path(__file__).resolve().parents[2] / "workflows" / "api"
SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PICTURES = [SAMPLES / name for name in ("coffee.jpg", "galaxies.jpg", "coffee-mask.png")]
CAT = SAMPLES / "cat.jpg"


def painted_cup() -> tuple[Image.Image, np.ndarray]:
    """The cup as the mask editor saves it, transparent where it was painted; and where that is."""
    picture, mask = (Image.open(SAMPLES / f"coffee{end}") for end in (".jpg", "-mask.png"))
    alpha = mask.convert("L").point(lambda level: 0 if level > 127 else 255)
    picture.putalpha(alpha)
    return picture, np.asarray(alpha) == 0


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class PictureServer:
    """Serves samples/ over HTTP, in place of the addresses of the internet that the templates have."""

    def __enter__(self) -> PictureServer:
        handler = partial(_Quiet, directory=str(SAMPLES))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{name}"


def prompt_of(name: str, pictures: PictureServer) -> dict[str, dict[str, Any]]:
    """The API prompt of a template, with a photograph of ours for the internet's."""
    prompt: dict[str, dict[str, Any]] = json.loads((API / f"{name}.json").read_text())
    for node in prompt.values():
        if "url" in node["inputs"]:
            node["inputs"]["url"] = pictures.address("coffee.jpg")
    return prompt
