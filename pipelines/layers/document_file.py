"""Read a LAYERS document from a JSON file: core's field names, with image files instead of tensors.

    {"canvas": [1200, 800], "background": "#ffffff",
     "layers": [{"image": "base.jpg"},
                {"image": "fruit.png", "mask": "fruit-mask.png", "x": 40, "y": 300, "rotation": 0.2}]}

`image` and `mask` are paths, absolute or relative to the document's folder, or file, http(s) or data URLs.
`..` and absolute paths are allowed, so a document reads whatever its reader may: only read one that the user
named himself, never one that came over a network.

A mask file is a layer mask like core's: **white is transparent**, black is opaque. Colour counts by its
luma, and a transparent pixel of the mask file as black. `rotation` is in radians, as in core.
`background` is ours: a colour under all layers; without it the canvas is transparent.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from ..common.errors import InvalidRequest
from ..common.json_reader import read_json
from ..common.settings import Limits
from ..common.validation import invalid_value, known_fields, shown, text
from ..images.decode import DecodeJob, decode_many, image_from, mask_from
from ..images.header import read_header
from ..sources.local import local_source
from ..sources.source import Fetch, ImageSource, SourceLoader, refuse_url
from ..sources.text import is_data_url
from .composite import Colour
from .document import ITEM_KEYS

DOCUMENT_KEYS = ("version", "canvas", "layers", "background")
MAX_DOCUMENT_BYTES = 35_000_000  # as much as a JSON body of the HTTP API: it may hold images as data URLs
_LONGEST_PATH = 4096
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_READERS = {"image": image_from, "mask": mask_from}


class _ImageField(NamedTuple):
    """An image that a field of a layer names."""

    item: dict[str, object]
    key: str
    place: str


def read_document(path: Path, limits: Limits, fetch: Fetch = refuse_url) -> dict[str, Any]:
    """Read a document and the images it names.

    Args:
        fetch: gets the images that are http or https URLs.

    Returns:
        Core's LAYERS document for `document.parse_document`: each layer has its `image` as float32
        [1, H, W, 3 or 4] and, where given, its `mask` as float32 [1, h, w] (1 = transparent). Where
        given, `background` is an sRGB triple, 0..1, for `composite.composite`. `notes` are sentences about
        the files: how their colours are converted, a missing end, further pages, a mask without effect.

    Raises:
        InvalidRequest: the file cannot be read, is too long, not valid JSON or not a document, or a field is
            unknown.
        InvalidImage, FetchError: an image is missing, damaged or outside the limits; the message names its
            place (`layers.2.image`).
    """
    document = dict(known_fields(_load(path), "the document", DOCUMENT_KEYS))
    layers = document.get("layers")
    if not isinstance(layers, list) or not 1 <= len(layers) <= limits.max_layers:
        count = f"{len(layers)} layers" if isinstance(layers, list) else layers
        raise invalid_value(
            "layers", count, f"a list of 1 to {limits.max_layers} layers (MULTIEDIT_MAX_LAYERS)"
        )
    items = [dict(known_fields(item, f"layers.{n}", ITEM_KEYS)) for n, item in enumerate(layers, start=1)]
    if document.get("background") is not None:
        document["background"] = read_colour(document["background"], "background")
    fields = [
        _ImageField(item, key, f"layers.{n}.{key}")
        for n, item in enumerate(items, start=1)
        for key in _READERS
        if key == "image" or item.get(key) is not None
    ]
    sources = {field.place: _source(field.item.get(field.key), field.place, path.parent) for field in fields}
    data = asyncio.run(SourceLoader(limits, fetch).load_named(sources))
    # All headers are checked before the first image is decoded.
    jobs = [DecodeJob(data[place], read_header(data[place], limits, place), place) for place in sources]
    for field, raster in zip(fields, decode_many(jobs), strict=True):
        field.item[field.key] = _READERS[field.key](raster)
    notes = [note for job in jobs for note in job.header.notes]
    for field in fields:
        if field.key == "mask":
            notes += _mask_notes(cast(Tensor, field.item["mask"]), field.place)
    return {**document, "layers": items, "notes": tuple(notes)}


def _mask_notes(mask: Tensor, place: str) -> list[str]:
    """Say where a layer mask, 1 = transparent, does nothing or all."""
    low, high = (float(value) for value in torch.aminmax(mask))
    if high <= 0:
        return [
            f"{place} hides nothing: it has no white, which hides. What is transparent in it counts as black."
        ]
    return [f"{place} hides the whole layer: it is white everywhere. Black shows."] if low >= 1 else []


def read_colour(value: object, path: str) -> Colour:
    """Read an sRGB triple, 0..1, from "#rrggbb"."""
    if not isinstance(value, str) or not _COLOUR.fullmatch(value):
        raise invalid_value(path, value, 'a colour as "#rrggbb"')
    red, green, blue = (level / 255 for level in bytes.fromhex(value[1:]))
    return red, green, blue


def _load(path: Path) -> object:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(
            f"The document {shown(path)} cannot be read: {error.strerror}. Check the path."
        ) from None
    if len(data) > MAX_DOCUMENT_BYTES:
        raise InvalidRequest(
            f"The document {shown(path)} has more than {MAX_DOCUMENT_BYTES} bytes, the limit. Give a JSON "
            "document that names its images as files."
        )
    try:
        return read_json(data)
    except RecursionError:
        raise InvalidRequest(
            f"The document {shown(path)} is nested too deeply. Give a LAYERS document."
        ) from None
    except ValueError as error:
        raise InvalidRequest(f"The document {shown(path)} is not valid JSON: {error}. Correct it.") from None


def _source(value: object, place: str, folder: Path) -> ImageSource:
    longest = MAX_DOCUMENT_BYTES if isinstance(value, str) and is_data_url(value) else _LONGEST_PATH
    return local_source(text(value, place, longest=longest), place, str(folder))
