"""Random inputs for everything that reads what strangers send or others may have damaged.

Each kind makes one input from a random generator and reads it. What comes of it is a value or an error of
the tree; anything else that is raised is a fault.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import sqlite3
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from multiedit.api.access.keys import KeyFile
from multiedit.api.body.strict_json import parse_json
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.pipelines.adapters.provider.spending import SpendingLog
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import MultiEditError
from multiedit.pipelines.common.json_reader import read_json
from multiedit.pipelines.common.settings import Limits, ProviderLimits, RequestLimits
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.facts import ImageFacts
from multiedit.pipelines.images.header import read_header
from multiedit.pipelines.images.tensor_input import image_tensor, mask_tensor
from multiedit.pipelines.layers.document import parse_document
from multiedit.pipelines.planning.plan import make_plan
from multiedit.pipelines.planning.request import parse_request
from multiedit.pipelines.sources.text import decode_text, is_url
from multiedit.pipelines.sources.urls import first_target
from PIL import Image

DAY = "2026-11-27"
_SMALL = Limits(max_pixels=250_000, max_canvas_pixels=250_000, max_side=4096)
_WORDS = (
    "", " ", "a", "\x00", "\ud800", "e\u0301", "9" * 5000, "1e999", "-0", "NaN", "data:", "http://a[]@/", "%",
    "//", "auto", "16:9", "1K", "base", "mask", "#ffffff", "__class__", "[" * 200, "x" * 300,
)  # fmt: skip
_NUMBERS = (0, 1, -1, 2**31, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"))


@dataclass(frozen=True)
class Fuzz:
    """One kind of input.

    Attributes:
        read: makes an input and reads it, in a folder of its own.
        share: of all inputs of a run; slow kinds have less.
        allowed: raised on purpose besides the tree.
    """

    read: Callable[[random.Random, Path], object]
    share: float
    allowed: tuple[type[Exception], ...] = ()


def run(name: str, count: int, folder: Path, seed: int = 0) -> int:
    """Read so many inputs of a kind; returns how many were read without an error of the tree.

    Raises:
        AssertionError: with the number of the first input that raised anything else.
    """
    kind, good = KINDS[name], 0
    for number in range(count):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kind.read(random.Random(f"{name} {seed} {number}"), folder)
            good += 1
        except (MultiEditError, *kind.allowed):
            continue
        except Exception as error:
            raise AssertionError(f"{name}: input {number} of seed {seed} raised {error!r}") from error
    return good


def junk(chance: random.Random, depth: int = 0) -> Any:
    """Any value that JSON can have."""
    kind = chance.randrange(8 if depth < 3 else 6)
    if kind < 2:
        return chance.choice(_WORDS)
    if kind < 4:
        return chance.choice(_NUMBERS)
    if kind < 6:
        return chance.choice((None, True, False, chance.randrange(-9, 9), chance.random()))
    if kind == 6:
        return [junk(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(_WORDS): junk(chance, depth + 1) for _ in range(chance.randrange(4))}


def changed(value: Any, chance: random.Random) -> Any:
    """A copy of a document with some of its values replaced, left out or added."""
    if chance.random() < 0.1:
        return junk(chance)
    if isinstance(value, dict):
        made = {name: changed(each, chance) for name, each in value.items() if chance.random() > 0.03}
        if chance.random() < 0.1:
            made[chance.choice(_WORDS)] = junk(chance)
        return made
    if isinstance(value, list):
        made_list = [changed(each, chance) for each in value if chance.random() > 0.05]
        return made_list * chance.choice((1, 1, 1, 2))
    return value if isinstance(value, torch.Tensor) else copy.copy(value)


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes with some changed, and some cut out or put in."""
    made = bytearray(data)
    for _ in range(chance.randrange(8)):
        made[chance.randrange(len(made))] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    start, length = chance.randrange(len(made)), chance.randrange(40)
    action = chance.randrange(4)
    if action == 0:
        del made[start : start + length]
    elif action == 1:
        made[start:start] = chance.randbytes(length)
    elif action == 2:
        del made[start:]
    return bytes(made)


def _files() -> list[bytes]:
    small = Image.radial_gradient("L").resize((80, 64)).convert("RGB")
    alpha = small.copy()
    alpha.putalpha(90)
    exif = Image.Exif()
    exif[0x0112] = 6
    saved: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (small, "JPEG", {"exif": exif, "progressive": True}),
        (small.convert("CMYK"), "JPEG", {}),
        (small.quantize(16), "PNG", {"transparency": 3}),
        (alpha, "PNG", {"exif": exif}),
        (small.convert("I;16"), "PNG", {}),
        (alpha, "WEBP", {"exif": exif}),
        (small, "WEBP", {"lossless": True, "save_all": True, "append_images": [small.rotate(90)]}),
        (small, "GIF", {"save_all": True, "append_images": [small.rotate(90)]}),
        (small, "BMP", {}),
        (small, "TIFF", {"compression": "tiff_lzw"}),
        (alpha, "TIFF", {}),
    ]
    if "AVIF" in Image.SAVE:
        saved.append((alpha, "AVIF", {"speed": 10}))
    files = []
    for image, kind, parameters in saved:
        buffer = io.BytesIO()
        image.save(buffer, kind, **parameters)
        files.append(buffer.getvalue())
    return files


Image.init()
FILES = _files()


def _decode(chance: random.Random, _: Path) -> None:
    data = damaged(chance.choice(FILES), chance)
    raster = decode(data, read_header(data, _SMALL))
    assert raster.pixels.shape[2] in (1, 2, 3, 4)


_TEXTS = (
    "data:image/png;base64,iVBORw0KGgo=", "data:,%00%ff%4", "data:base64,AAAA", "https://example.com/a.png?x=1",
    "http://user@[::1]:80/", "http://127.1/", "aGVsbG8gd29ybGQ=", "file:///etc/passwd", "cat.png", "http://a..b/",
)  # fmt: skip


def _text(chance: random.Random, _: Path) -> None:
    text = damaged(chance.choice(_TEXTS).encode(), chance).decode("utf-8", "surrogateescape")
    if chance.random() < 0.2:
        text += chance.choice(_WORDS)
    if is_url(text):
        first_target(text, "image 1")
    else:
        decode_text(text, RequestLimits(), "image 1")


REQUEST: Mapping[str, Any] = {
    "prompt": "p", "images": ["a", "b", "c"], "modelId": "layer-composite", "aspect_ratio": "16:9",
    "resolution": "1K", "output_format": "png", "quality": "high", "safe_mode": True,
    "multiedit": {
        "seed": 1, "keep_size": False, "roles": {"2": "overlay", "3": "mask"},
        "placement": {"2": {
            "fit": "none", "anchor": "center", "offset_x": 1.5, "unit": "pixels", "scale": 2, "rotation": 90,
            "blend_mode": "multiply", "opacity": 0.5, "flip_h": True, "seamless": True,
        }},
    },
}  # fmt: skip
_FACTS = [ImageFacts(640, 480), ImageFacts(300, 200), ImageFacts(64, 64)]


def _request(chance: random.Random, _: Path) -> None:
    request = parse_request(changed(REQUEST, chance), RequestLimits())
    make_plan(request, _FACTS[: len(request.images)], load_catalog(), {"layer-composite": "layer-composite"})


def _json(chance: random.Random) -> bytes:
    return damaged(json.dumps(changed(REQUEST, chance)).encode("utf-8", "surrogatepass"), chance)


def _body(chance: random.Random, _: Path) -> None:
    parse_json(_json(chance), "The body")


def _document(chance: random.Random, _: Path) -> None:
    read_json(_json(chance))


DOCUMENT: Mapping[str, Any] = {
    "version": 1, "canvas": [64, 48],
    "layers": [
        {
            "type": "raster", "image": torch.zeros(1, 8, 8, 3), "mask": torch.zeros(1, 8, 8), "name": "a",
            "x": 1, "y": 2, "w": 9, "z_index": 1, "opacity": 0.5, "blend_mode": "screen", "visible": True,
            "rotation": 0.5,
        },
        {"image": torch.zeros(1, 4, 4, 4), "x": 0, "y": 0, "h": 9, "flip_h": True},
    ],
}  # fmt: skip
_FIT = {"size": [64, 48], "canvas": [80, 60], "window": [0, 0, 8, 8]}


def _tensor(chance: random.Random) -> object:
    shape = [chance.choice((0, 1, 2, 3, 4, 5, 8)) for _ in range(chance.randrange(6))]
    values = torch.full(shape, chance.choice((0.0, 1.0, -5.0, float("nan"), float("inf"))))
    kinds = (torch.float16, torch.float32, torch.float64, torch.uint8, torch.bool, torch.complex64)
    return chance.choice((values.to(chance.choice(kinds)), values, junk(chance)))


def _graph(chance: random.Random, _: Path) -> None:
    kind = chance.randrange(4)
    if kind == 0:
        image_tensor(_tensor(chance), "image_1")
    elif kind == 1:
        mask_tensor(_tensor(chance), "mask")
    elif kind == 2:
        parse_document(changed(DOCUMENT, chance), _SMALL)
    else:
        ReferenceFit.from_dict(changed(_FIT, chance), _SMALL)


_KEY = {"id": "ab12cd34", "name": "a", "salt": "00ff", "hash": "00", "created": 1}


def _keys(chance: random.Random, folder: Path) -> None:
    path = folder / "keys.json"
    text = json.dumps(changed({"keys": [_KEY, _KEY]}, chance)).encode("utf-8", "surrogatepass")
    path.write_bytes(text if chance.random() < 0.5 else damaged(text, chance))
    for key in (f"me-ab12cd34-{'x' * 43}", chance.choice(_WORDS)):
        assert KeyFile(path).find(key) is None


_ROWS = (None, -1, 0, 10**6, 2**63 - 1, 0.5, float("nan"), "many", b"\x00")


def _ledger(chance: random.Random, folder: Path) -> None:
    path = folder / "spending.sqlite"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as table:
        table.execute("PRAGMA synchronous = OFF")
        table.execute("CREATE TABLE IF NOT EXISTS spent (day TEXT PRIMARY KEY, micro INTEGER)")
        value = chance.choice((*_ROWS, chance.randrange(10**7)))
        table.execute("INSERT OR REPLACE INTO spent VALUES (?, ?)", (DAY, value))
    give_back = SpendingLog(path, ProviderLimits(), lambda: DAY).book(chance.choice((0.01, 0.5, 1.0)))
    give_back()


KINDS: dict[str, Fuzz] = {
    "decode": Fuzz(_decode, 0.15),
    "data URL": Fuzz(_text, 0.25),
    "request": Fuzz(_request, 0.15),
    "JSON body": Fuzz(_body, 0.1),
    "JSON": Fuzz(_document, 0.1, (ValueError, RecursionError)),
    "graph inputs": Fuzz(_graph, 0.15),
    "keys file": Fuzz(_keys, 0.06),
    "ledger rows": Fuzz(_ledger, 0.04),
}
