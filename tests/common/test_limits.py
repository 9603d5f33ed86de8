"""The limits of a graph, a document and the shell, and those of a request over HTTP."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.composite import CompositeAdapter
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import ImageTooLarge, MultiEditError
from multiedit.pipelines.common.settings import ENVIRONMENT_PREFIX, Limits, RequestLimits
from multiedit.pipelines.images.header import read_header
from multiedit.pipelines.images.input_image import ImageTensor
from multiedit.pipelines.layers.document import parse_document
from multiedit.pipelines.layers.document_file import read_document
from multiedit.pipelines.planning.plan import make_plan
from multiedit.pipelines.planning.request import parse_request


def declared(width: int, height: int) -> bytes:
    """A grey PNG of this size; its pixels are missing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def placed(limits: Limits, placement: dict[str, object], size: tuple[int, int] = (8, 8)) -> object:
    image, (width, height) = ImageTensor(torch.zeros(1, 8, 8, 3)), size
    base = ImageTensor(torch.zeros(1, height, width, 3))
    given: dict[str, Any] = {
        "prompt": "p",
        "images": ["x", "x"],
        "aspect_ratio": "1:1",
        "multiedit": {"placement": {"2": placement}},
    }
    request = parse_request(given, Limits())
    plan = make_plan(request, [base.facts(), image.facts()], load_catalog(), {"layer-composite": "x"})
    return CompositeAdapter(limits).run(plan, [base, image], lambda share: None)


def layers(count: int, **item: object) -> dict[str, object]:
    return {"layers": [{"image": torch.zeros(1, 8, 8, 3), **item}] * count}


def document_file(limits: Limits) -> object:
    path = Path("many.json")
    path.write_text('{"layers": [{}, {}]}')
    return read_document(path, limits)


# The variable, a limit that it sets, and what goes over it.
REFUSED: list[tuple[str, dict[str, Any], Callable[[Limits], object]]] = [
    ("max_pixels", {"max_pixels": 99}, lambda limits: read_header(declared(10, 10), limits)),
    ("min_pixels", {"min_pixels": 101}, lambda limits: read_header(declared(10, 10), limits)),
    ("min_side", {"min_side": 11}, lambda limits: read_header(declared(10, 10), limits)),
    ("max_file_bytes", {"max_file_bytes": 60}, lambda limits: read_header(declared(10, 10), limits)),
    (
        "max_images",
        {"max_images": 1},
        lambda limits: parse_request({"prompt": "p", "images": ["x"] * 2}, limits),
    ),
    (
        "max_prompt_characters",
        {"max_prompt_characters": 1},
        lambda limits: parse_request({"prompt": "pp", "images": ["x"]}, limits),
    ),
    ("max_layers", {"max_layers": 1}, lambda limits: parse_document(layers(2), limits)),
    ("max_layers", {"max_layers": 1}, document_file),
    ("max_side", {"max_side": 8}, lambda limits: parse_document(layers(1, w=9), limits)),
    ("max_canvas_pixels", {"max_canvas_pixels": 64}, lambda limits: parse_document(layers(1, w=9), limits)),
    ("max_canvas_pixels", {"max_canvas_pixels": 2**20}, lambda limits: placed(limits, {"scale": 9.0})),
    ("max_canvas_pixels", {"max_canvas_pixels": 2**20}, lambda limits: placed(limits, {}, (99, 9))),
]


@pytest.mark.parametrize(("name", "limit", "exceed"), REFUSED)
def test_a_refusal_names_the_variable_that_sets_the_limit(
    name: str,
    limit: dict[str, Any],
    exceed: Callable[[Limits], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MultiEditError, match=f"{ENVIRONMENT_PREFIX}{name.upper()}[ )]"):
        exceed(replace(Limits(), **limit))


@pytest.mark.parametrize("field", [field.name for field in fields(Limits)])
def test_a_request_over_http_may_do_no_more_than_a_graph(field: str) -> None:
    here, request = getattr(Limits(), field), getattr(RequestLimits(), field)
    assert request >= here if field.startswith("min_") else request <= here


@pytest.mark.parametrize("name", ["max_pixels", "max_file_bytes", "max_images", "min_side"])
def test_one_variable_sets_the_limit_wherever_it_holds(name: str) -> None:
    environment = {f"{ENVIRONMENT_PREFIX}{name.upper()}": "7"}
    for kind in (Limits, RequestLimits):
        assert getattr(kind.from_environment(environment), name) == 7


@pytest.mark.parametrize(
    "size", [(1, 1), (48, 48), (600, 48), (200, 200), (9504, 6336), (11648, 8736), (12000, 9000)]
)
def test_what_people_have_is_taken(size: tuple[int, int]) -> None:
    header = read_header(declared(*size), Limits())
    assert (header.width, header.height) == size


def test_more_is_refused_by_the_header_alone() -> None:
    with pytest.raises(ImageTooLarge, match=r"134\.2 MP \(16385x8192\)"):
        read_header(declared(16385, 8192), Limits())
