"""OpenAI's shape of an edit: POST /images/edits, for its official client and what is built on it.

What OpenAI has and this does not is refused by name; what changes nothing here is taken and ignored.
A `size` chooses the aspect ratio and the tier that is closest in area, so the picture may be larger or
smaller than asked; the answer's `size` is the true one.
"""

from __future__ import annotations

import asyncio
import base64
import math
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, TypedDict

from aiohttp import web

from ...pipelines.common.errors import InvalidRequest, MultiEditError
from ...pipelines.common.validation import boolean, choice, integer, invalid_value, known_fields, text
from ...pipelines.planning.request import OUTPUT_FORMATS, QUALITIES, parse_request
from ...pipelines.planning.size import closest_tier
from ...pipelines.sources.source import ImageSource, TextSource, UploadSource
from ..backends.base import Edited, Work
from ..body.multipart import Form, boolean_text, integer_text
from ..body.uploads import Uploads
from ..service import Service
from .edit import EditForm

_SIZE = re.compile("([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
_LONGEST_USER = 512


class OpenAIImage(TypedDict):
    """One picture, as base64."""

    b64_json: str


class OpenAIImages(TypedDict):
    """OpenAI's answer: one picture, and what was made."""

    created: int
    data: list[OpenAIImage]
    size: str
    output_format: Literal["png", "jpeg", "webp"]
    background: Literal["auto"]


FIELDS: dict[str, Callable[[object, str], Any]] = {
    "prompt": partial(text, longest=32_768),
    "model": partial(text, longest=100),
    "size": partial(text, longest=11),
    "quality": partial(choice, options=("auto", *QUALITIES)),
    "output_format": partial(choice, options=tuple(OUTPUT_FORMATS)),
    "output_compression": partial(integer, low=0, high=100),
    "moderation": partial(choice, options=("auto", "low")),
    "n": partial(integer, low=1, high=1),
    "response_format": partial(choice, options=("b64_json",)),
    "background": partial(choice, options=("auto", "opaque")),
    "input_fidelity": partial(choice, options=("high", "low")),
    "stream": boolean,
    "partial_images": partial(integer, low=0, high=0),
    "user": partial(text, longest=_LONGEST_USER),
}
_TEXTS = {
    "n": integer_text,
    "output_compression": integer_text,
    "partial_images": integer_text,
    "stream": boolean_text,
}
# By the names that the pipeline has for them.
RENAMED = {
    "images": "image", "modelId": "model", "aspect_ratio": "size", "resolution": "size",
    "multiedit.roles": "mask",
}  # fmt: skip


async def _work(fields: Any, service: Service, uploads: Uploads) -> Work:
    given = known_fields(fields, "", ("image", "images", "mask", *FIELDS))
    read = {name: reader(given[name], name) for name, reader in FIELDS.items() if name in given}
    if read.get("stream"):
        raise InvalidRequest("stream is true, which is not offered. Leave it out.", field="stream")
    images = _files(given["image"]) if "image" in given else _referenced(given.get("images"))
    request: dict[str, Any] = {
        "images": images,
        "modelId": read.get("model"),
        "quality": None if read.get("quality") == "auto" else read.get("quality"),
        "output_format": read.get("output_format", "png"),
        "safe_mode": read.get("moderation") != "low",
        "prompt": read.get("prompt"),
        **_size(read.get("size", "auto")),
    }
    if "mask" in given:
        mask = await _mask(given["mask"], service, uploads)
        request["images"] = [*images[:1], mask, *images[1:]]
        request["multiedit"] = {"roles": {"2": "mask"}}
    asked = {name: value for name, value in request.items() if value is not None}
    return Work(parse_request(asked, service.limits), _file_options(read))


def _files(value: object) -> list[object]:
    """The form's `image`; JSON has none."""
    if not isinstance(value, list):
        raise InvalidRequest("image is for files in a form; in JSON send images.", field="image")
    return value


def _referenced(value: object) -> list[object]:
    """The JSON form's `images`: objects with an `image_url`, an address or a data URL."""
    if not isinstance(value, list) or not all(
        isinstance(item, Mapping) and isinstance(item.get("image_url"), str) for item in value
    ):
        raise InvalidRequest(
            "image is missing: send files in a form, or JSON with images: [{image_url: ...}].", field="image"
        )
    return [item["image_url"] for item in value]


def _size(size: str) -> dict[str, str]:
    """OpenAI's `size` as aspect ratio and tier."""
    if size == "auto":
        return {}
    sides = _SIZE.fullmatch(size)
    if sides is None:
        raise invalid_value("size", size, "auto, or WIDTHxHEIGHT such as 1024x1024")
    width, height = int(sides[1]), int(sides[2])
    shared = math.gcd(width, height)
    tier = closest_tier((width, height))
    return {"aspect_ratio": f"{width // shared}:{height // shared}"[:10], "resolution": tier}


def _file_options(read: Mapping[str, Any]) -> dict[str, Any]:
    compression = read.get("output_compression")
    return {} if compression is None else {"quality": max(1, compression)}


async def _mask(value: object, service: Service, uploads: Uploads) -> UploadSource:
    """The mask in this pack's polarity: OpenAI's is transparent where the picture may change."""
    from ...pipelines.images.mask_file import mask_from_alpha

    try:
        data = await service.loader.load(_mask_source(value), "the mask")
        white = await asyncio.to_thread(mask_from_alpha, data, service.limits, "the mask")
    except MultiEditError as error:
        error.field = "mask"
        raise
    return await uploads.keep(white, "the mask")


def _mask_source(value: object) -> ImageSource:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], UploadSource):
        return value[0]
    if isinstance(value, Mapping) and isinstance(value.get("image_url"), str):
        return TextSource(value["image_url"])
    raise InvalidRequest("mask must be one file, or in JSON {image_url: ...}.", field="mask")


def _answer(edited: Edited) -> web.Response:
    body: OpenAIImages = {
        "created": int(time.time()),
        "data": [{"b64_json": base64.b64encode(edited.data).decode()}],
        "size": f"{edited.width}x{edited.height}",
        "output_format": edited.media_type.removeprefix("image/"),  # type: ignore[typeddict-item]
        "background": "auto",
    }
    return web.json_response(body)


OPENAI_EDIT = EditForm(Form({"image": "image", "image[]": "image", "mask": "mask"}, _TEXTS), _work, _answer)
"""POST /images/edits."""
