"""LAYERS documents as files: what is read, how, and what is refused."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.errors import (
    FetchRefused,
    FileTooLarge,
    ImageTooLarge,
    ImageTooSmall,
    InvalidImage,
    InvalidRequest,
)
from multiedit.pipelines.common.settings import Limits, RequestLimits
from multiedit.pipelines.common.validation import shown
from multiedit.pipelines.layers.composite import composite
from multiedit.pipelines.layers.document import parse_document
from multiedit.pipelines.layers.document_file import MAX_DOCUMENT_BYTES, read_document
from PIL import Image

LIMITS = Limits(min_pixels=64, min_side=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the document with pictures in it, below it and beside it."""
    home = tmp_path / "doc"
    (home / "parts").mkdir(parents=True)
    levels = np.random.default_rng(1).integers(0, 256, (24, 32, 4), np.uint8)
    Image.fromarray(levels[..., :3]).save(home / "base.png")
    Image.fromarray(levels).save(home / "parts" / "cut.png")
    Image.fromarray(levels[..., :3]).save(tmp_path / "outside.png")
    ramp = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (24, 1))
    Image.fromarray(ramp).save(home / "ramp.png")
    return home


def write(folder: Path, document: object) -> Path:
    path = folder / "document.json"
    path.write_text(json.dumps(document))
    return path


def read(folder: Path, document: object) -> dict[str, Any]:
    return read_document(write(folder, document), LIMITS)


def pixels(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(path), np.float32) / 255)[None]


def test_pictures_become_tensors_and_all_else_stays(folder: Path) -> None:
    values = {"x": 3, "y": -2, "rotation": 0.25, "opacity": 0.5, "name": "cut", "placement": {"scale": 2}}
    document = read(
        folder,
        {"version": 1, "canvas": [40, 30],
         "layers": [{"image": "base.png"}, {"image": "parts/cut.png", **values}]},
    )  # fmt: skip
    base, cut = document["layers"]
    assert torch.equal(base["image"], pixels(folder / "base.png"))
    assert torch.equal(cut.pop("image"), pixels(folder / "parts" / "cut.png"))
    assert cut == values
    assert document["canvas"] == [40, 30]


def test_the_result_is_ready_for_parse_document(folder: Path) -> None:
    layers = [{"image": "base.png"}, {"image": "parts/cut.png", "rotation": 0.25, "mask": "ramp.png"}]
    document = parse_document(read(folder, {"layers": layers}), LIMITS)
    assert composite(document).shape == (1, document.height, document.width, 4)
    assert document.layers[1].rotation == 0.25


def test_white_in_a_mask_file_is_transparent_and_its_levels_go_in_unchanged(folder: Path) -> None:
    document = read(folder, {"layers": [{"image": "base.png", "mask": "ramp.png"}]})
    mask = document["layers"][0]["mask"]
    assert torch.equal(mask, pixels(folder / "ramp.png"))
    alpha = composite(parse_document(document, LIMITS))[0, 0, :, 3]
    assert (alpha[0], alpha[-1]) == (1, 0)


def test_an_image_may_be_any_kind_of_url(folder: Path) -> None:
    base = folder / "base.png"
    data = "data:image/png;base64," + base64.b64encode(base.read_bytes()).decode()

    async def fetch(url: str, name: str) -> bytes:
        assert (url, name) == ("https://host/a%2F.png", "layers.3.image")
        return base.read_bytes()

    images = [base.as_uri(), data, "https://host/a%2F.png"]
    layers = [{"image": image, "mask": (folder / "ramp.png").as_uri()} for image in images]
    document = read_document(write(folder, {"layers": layers}), LIMITS, fetch)
    for layer in document["layers"]:
        assert torch.equal(layer["image"], pixels(base))
        assert torch.equal(layer["mask"], pixels(folder / "ramp.png"))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ("ftp://host/a.png", "layers.1.image is a URL of the scheme ftp:"),
        ("https://host/a.png", "layers.1.image is a URL, and none is fetched here"),
        ("data:image/png;base64,*", "layers.1.image is not valid base64"),
        ("file:///none.png", r"layers.1.image \(/none.png\) does not exist"),
    ],
)
def test_a_url_that_gives_no_image_is_named_by_its_place(folder: Path, image: str, says: str) -> None:
    with pytest.raises((InvalidImage, FetchRefused), match=says):
        read(folder, {"layers": [{"image": image}]})


@pytest.mark.parametrize("kind", ["above", "absolute"])
def test_a_document_may_name_pictures_outside_its_folder(folder: Path, kind: str) -> None:
    outside = folder.parent / "outside.png"
    name = {"above": "../outside.png", "absolute": str(outside)}[kind]
    document = read(folder, {"layers": [{"image": name}]})
    assert torch.equal(document["layers"][0]["image"], pixels(outside))


def test_paths_are_relative_to_the_document_not_to_the_working_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"layers": [{"image": "base.png"}]})
    monkeypatch.chdir(folder.parent)
    assert read_document(Path("doc/document.json"), LIMITS)["layers"]


def test_background_is_a_colour_under_all_layers(folder: Path) -> None:
    document = read(folder, {"background": "#FF8000", "layers": [{"image": "parts/cut.png", "x": 8}]})
    assert document["background"] == (1.0, 128 / 255, 0.0)
    result = composite(parse_document(document, LIMITS), document["background"])
    torch.testing.assert_close(result[0, 0, 0], torch.tensor([1.0, 128 / 255, 0.0]), atol=1e-4, rtol=0)


BASE = {"image": "base.png"}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "the document is a list; it must be an object"),
        (None, "the document is null"),
        ({}, "layers is null; it must be a list of 1 to 50 layers"),
        ({"layers": {}}, "layers is an object"),
        ({"layers": []}, "layers is '0 layers'"),
        ({"layers": [BASE] * 51}, "layers is '51 layers'"),
        ({"layers": [BASE, 7]}, "layers.2 is 7; it must be an object"),
        ({"layers": [BASE, [BASE]]}, "layers.2 is a list"),
        ({"layer": [BASE]}, "Unknown field 'layer' in the document. Did you mean 'layers'?"),
        (
            {"layers": [{**BASE, "opactiy": 1}]},
            "Unknown field 'opactiy' in layers.1. Did you mean",
        ),
        ({"layers": [BASE, {}]}, "layers.2.image is null; it must be text"),
        ({"layers": [{"image": 3}]}, "layers.1.image is 3"),
        ({"layers": [{"image": ""}]}, "layers.1.image is ''"),
        ({"layers": [{"image": "x" * 5000}]}, "layers.1.image has 5000 characters; the limit is 4096"),
        ({"layers": [{**BASE, "mask": ["ramp.png"]}]}, "layers.1.mask is a list"),
        ({"layers": [BASE], "background": "white"}, "background is 'white'; it must be a colour"),
        ({"layers": [BASE], "background": "#fff"}, "background is '#fff'"),
        ({"layers": [BASE], "background": [1, 1, 1]}, "background is a list"),
    ],
)
def test_a_document_that_is_none_is_refused(folder: Path, document: object, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read(folder, document)
    assert caught.value.message.startswith(says)


@pytest.mark.parametrize("name", ["opacity", "x", "placement"])
def test_a_wrong_value_is_refused_by_parse_document(folder: Path, name: str) -> None:
    document = read(folder, {"layers": [BASE, {**BASE, name: "much"}]})
    with pytest.raises(InvalidRequest, match=f"layers.2.{name} is 'much'"):
        parse_document(document, LIMITS)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is not valid JSON"),
        (b'{"layers": [', "is not valid JSON"),
        (b"\xff\xd8\xff\xe0 a jpeg", "is not valid JSON"),
        (b"[" * 900_000, "is nested too deeply"),
        (b'{"canvas": ' + b"9" * 5000 + b"}", "is not valid JSON"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "has more than 35000000 bytes"),
    ],
)
def test_a_file_that_is_no_document_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "document.json"
    path.write_bytes(data)
    with pytest.raises(InvalidRequest) as caught:
        read_document(path, LIMITS)
    assert f"The document {shown(path)} {says}" in caught.value.message


def test_a_document_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="No such file"):
        read_document(tmp_path / "none.json", LIMITS)
    with pytest.raises(InvalidRequest, match="Is a directory"):
        read_document(tmp_path, LIMITS)


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(max_pixels=700, min_pixels=64, min_side=4), ImageTooLarge),
        (RequestLimits(), ImageTooSmall),
        (Limits(max_file_bytes=100), FileTooLarge),
    ],
)
def test_pictures_keep_to_the_limits(folder: Path, limits: Limits, error: type[InvalidImage]) -> None:
    path = write(folder, {"layers": [BASE]})
    with pytest.raises(error, match=r"layers\.1\.image"):
        read_document(path, limits)


@pytest.mark.skipif(os.name != "posix", reason="needs files of POSIX")
@pytest.mark.parametrize("key", ["image", "mask"])
@pytest.mark.parametrize("name", ["none.png", ".", "document.json", "cut.png", "a\0b", "pipe"])
def test_a_picture_that_is_none_is_named_by_its_place(folder: Path, key: str, name: str) -> None:
    data = (folder / "base.png").read_bytes()
    (folder / "cut.png").write_bytes(data[: len(data) // 2])
    os.mkfifo(folder / "pipe")
    with pytest.raises(InvalidImage) as caught:
        read(folder, {"layers": [BASE, {**BASE, key: name}]})
    assert caught.value.message.startswith(f"layers.2.{key}")


def test_every_header_is_checked_before_a_picture_is_decoded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiedit.pipelines.images.decode.decode", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InvalidImage, match=r"layers\.2\.mask"):
        read(folder, {"layers": [BASE, {**BASE, "mask": "document.json"}]})


@pytest.mark.parametrize(
    ("mask", "note"),
    [
        (Image.new("L", (16, 16), 0), "layers.1.mask hides nothing: it has no white"),
        (Image.new("RGBA", (16, 16), (255, 255, 255, 0)), "layers.1.mask hides nothing"),
        (Image.new("L", (16, 16), 255), "layers.1.mask hides the whole layer"),
        (Image.linear_gradient("L").resize((16, 16)), None),
    ],
    ids=["black", "transparent", "white", "both"],
)
def test_a_mask_without_effect_is_said(tmp_path: Path, mask: Image.Image, note: str | None) -> None:
    Image.new("RGB", (16, 16), (9, 9, 9)).save(tmp_path / "image.png")
    mask.save(tmp_path / "mask.png")
    path = tmp_path / "layers.json"
    path.write_text(json.dumps({"layers": [{"image": "image.png", "mask": "mask.png"}]}))
    notes = read_document(path, LIMITS)["notes"]
    assert [text.startswith(note or "") for text in notes] == ([True] if note else [])
