"""Run commands of the command line in this process, and look at what they wrote."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[2] / "samples"
SIZE = (300, 220)
MULTIEDIT = [sys.executable, "-m", "multiedit"]
RED, BLUE = (200, 30, 20), (10, 60, 220)
EDIT = "edit --image red.png --prompt p --no-safe-mode "
KEEP = EDIT + "--keep-size "


@dataclasses.dataclass(frozen=True)
class Ran:
    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is not valid JSON"))

    def plan(self) -> Any:
        return self.json["plan"]


Shell = Callable[..., Ran]


def open_image(path: str) -> Image.Image:
    return Image.open(io.BytesIO(Path(path).read_bytes()))


def pixel(path: str, at: tuple[int, int] = (75, 110)) -> Any:
    return open_image(path).convert("RGB").getpixel(at)


def file_bytes() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def write_document() -> None:
    layers = [{"image": "red.png"}, {"image": "blue.jpg", "mask": "left.png", "w": 300, "h": 220}]
    Path("doc.json").write_text(json.dumps({"canvas": SIZE, "layers": layers}))
