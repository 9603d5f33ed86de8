"""An edit that edits nothing gives every level back, also the colours under an alpha of 0."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.compose_document import compose_document
from multiedit.pipelines.editing.edit_tensors import edit_tensors
from multiedit.pipelines.editing.load_layers import load_layers
from multiedit.pipelines.editing.pipeline import EditPipeline
from multiedit.pipelines.editing.save import save_images
from multiedit.pipelines.images.encode import EncodeOptions
from multiedit.pipelines.images.resample import resize
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.layers.stack import compose_stack
from multiedit.pipelines.planning.request import parse_request
from multiedit.pipelines.planning.tensor_plan import EditSettings
from multiedit.pipelines.sources.source import BytesSource, SourceLoader
from PIL import Image
from torch import Tensor

LIMITS = Limits()
OUTPUTS = {"png": EncodeOptions("png"), "webp": EncodeOptions("webp", lossless=True)}
SIZE = (300, 260)


def _nothing(share: float) -> None:
    pass


async def _no_network(url: str, name: str) -> bytes:
    raise AssertionError(f"{name} must not be fetched")


def _levels() -> np.ndarray:
    """Every alpha with many colours; a third of the image is fully transparent, with colours under it."""
    levels = np.random.default_rng(1).integers(0, 256, (SIZE[1], SIZE[0], 4), np.uint8)
    levels[:, :100, 3] = 0
    return levels


def _file(levels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(levels).save(
        stream, kind, **({"lossless": True, "exact": True} if kind == "webp" else {})
    )
    return stream.getvalue()


def _edited(*images: bytes, options: EncodeOptions, **multiedit: Any) -> bytes:
    adapters, loader = local_adapters(LIMITS), SourceLoader(LIMITS, _no_network)
    pipeline = EditPipeline(LIMITS, load_catalog(), adapters, loader, lambda: None)  # type: ignore[arg-type,return-value]
    fields = {
        "prompt": "p", "images": [BytesSource(image) for image in images], "modelId": "layer-composite",
        "safe_mode": False, "output_format": options.format, "multiedit": multiedit,
    }  # fmt: skip
    lossless = {"lossless": True} if options.format == "webp" else {}
    return asyncio.run(pipeline.edit(parse_request(fields, LIMITS), lossless)).file.data


def _edit(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    return _edited(file, options=options)


def _edit_with_an_empty_overlay(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    return _edited(file, _file(np.zeros((260, 300, 4), np.uint8), "png"), options=options)


def _edit_in_a_soft_mask(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    empty = _file(np.zeros((260, 300, 4), np.uint8), "png")
    mask = _file(np.full((260, 300), 100, np.uint8), "png")
    return _edited(file, empty, mask, options=options, roles={"3": "mask"})


def _compose(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    (folder / "base").write_bytes(file)
    document = folder / "document.json"
    document.write_text(json.dumps({"layers": [{"image": "base"}]}))
    return compose_document(document, LIMITS, None, options).data


def _compose_colour_and_mask(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    levels = np.asarray(Image.open(io.BytesIO(file)))
    (folder / "base").write_bytes(_file(levels[..., :3].copy(), "png"))
    (folder / "mask").write_bytes(_file(255 - levels[..., 3], "png"))
    document = folder / "document.json"
    document.write_text(json.dumps({"layers": [{"image": "base", "mask": "mask"}]}))
    return compose_document(document, LIMITS, None, options).data


def _saved(image: Tensor, folder: Path, options: EncodeOptions) -> bytes:
    (saved,) = save_images(
        image, options, lambda index, suffix: folder / f"{index}{suffix}",
        automatic=False, texts={}, report=None, plan=None, progress=_nothing,
    )  # fmt: skip
    return saved.path.read_bytes()


def _loaded(file: bytes) -> tuple[Tensor, Tensor]:
    loader = SourceLoader(LIMITS, _no_network)
    return asyncio.run(load_layers({1: BytesSource(file)}, loader, LIMITS))[0][1]


def _load_and_compose_nodes(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    composed = compose_stack(
        None, {1: _loaded(file)}, Placement(), canvas="base", background=None, limits=LIMITS
    )
    return _saved(composed.image, folder, options)


def _edit_and_save_nodes(file: bytes, folder: Path, options: EncodeOptions) -> bytes:
    image, _ = _loaded(file)
    settings, adapters = EditSettings("layer-composite", "p"), local_adapters(LIMITS)
    edited = edit_tensors(settings, [image], None, load_catalog(), adapters, _nothing)
    return _saved(resize(edited.image, SIZE), folder, options)


WAYS: dict[str, Callable[[bytes, Path, EncodeOptions], bytes]] = {
    "edit": _edit,
    "edit with an empty overlay": _edit_with_an_empty_overlay,
    "edit in a soft mask": _edit_in_a_soft_mask,
    "compose": _compose,
    "compose colour and mask": _compose_colour_and_mask,
    "load and compose nodes": _load_and_compose_nodes,
    "edit and save nodes": _edit_and_save_nodes,
}


@pytest.mark.parametrize("source", ["png", "webp"])
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("way", WAYS)
def test_every_level_comes_back(way: str, output: str, source: str, tmp_path: Path) -> None:
    levels = _levels()
    made = Image.open(io.BytesIO(WAYS[way](_file(levels, source), tmp_path, OUTPUTS[output])))
    assert np.array_equal(np.asarray(made), levels)


def test_lossy_webp_keeps_about_the_colour_under_alpha_0() -> None:
    levels = np.full((260, 300, 4), (200, 40, 90, 0), np.uint8)
    levels[:50, :50, 3] = 255
    made = np.asarray(Image.open(io.BytesIO(_edited(_file(levels, "png"), options=EncodeOptions("webp")))))
    assert np.abs(made.astype(int) - levels).max() <= 8
