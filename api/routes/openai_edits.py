"""POST /v1/images/edits: an edit in OpenAI's format, for its official client and what is built on it.

POST /v1/images/generations says that this server edits.

Options of OpenAI that are not supported are refused by name; those without an effect here are ignored.
The image comes as near to `size` as the model can, and has it exactly where it is the first image's own; the
response's `size` is the true one.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypedDict

from aiohttp import web

from ...pipelines.catalog.aliases import hard_coded_models
from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.errors import InvalidRequest, MultiEditError
from ...pipelines.common.settings import Limits
from ...pipelines.common.types import Size
from ...pipelines.common.validation import boolean, choice, integer, invalid_value, known_fields, text
from ...pipelines.editing.pipeline import EditResult
from ...pipelines.planning.request import OUTPUT_FORMATS, QUALITIES, parse_request, read_model_id
from ...pipelines.sources.source import ImageSource, TextSource, UploadSource
from ..backends.base import EditJobRequest
from ..body.multipart import Form, boolean_text, integer_text
from ..body.reader import FORM, JSON
from ..route import Call, Route
from ..schema.json_schema import IMAGE_FILE, IMAGE_TEXT, Schema, image_array, of_readers
from .edit_handler import EditFormat, ParseContext, make_edit_handler

_SIZE = re.compile("([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_LONGEST_USER = 512
_MOST_RESULTS = 10
# By OpenAI's names, those of its older models too; None leaves the choice to the model.
_QUALITIES = {"auto": None, **{name: name for name in QUALITIES}, "standard": None, "hd": "high"}


class OpenAIImage(TypedDict):
    """One image, as base64."""

    b64_json: str


class OpenAIImages(TypedDict):
    """OpenAI's response: the images, with their size and format."""

    created: int
    data: list[OpenAIImage]
    size: str
    output_format: Literal["png", "jpeg", "webp"]
    background: Literal["auto"]


_FIELD_READERS: dict[str, Callable[[object, str], Any]] = {
    "prompt": partial(text, longest=32_768),
    "model": read_model_id,
    "size": partial(text, longest=11),
    "quality": partial(choice, options=tuple(_QUALITIES)),
    "output_format": partial(choice, options=tuple(OUTPUT_FORMATS)),
    "output_compression": partial(integer, low=0, high=100),
    "moderation": partial(choice, options=("auto", "low")),
    "n": partial(integer, low=1, high=_MOST_RESULTS),
    "response_format": partial(choice, options=("b64_json",)),
    "background": partial(choice, options=("auto", "opaque", "transparent")),
    "input_fidelity": partial(choice, options=("high", "low")),
    "stream": boolean,
    "partial_images": partial(integer, low=0, high=0),
    "user": partial(text, longest=_LONGEST_USER),
}
_TEXT_READERS = {
    "n": integer_text,
    "output_compression": integer_text,
    "partial_images": integer_text,
    "stream": boolean_text,
}
# By the pipeline's names.
_FIELD_NAMES = {"images": "image", "modelId": "model", "multiedit.roles": "mask"}


def _bodies(limits: Limits, catalog: Catalog) -> Mapping[str, Schema]:
    reference = {"type": "object", "required": ["image_url"], "properties": {"image_url": IMAGE_TEXT}}

    def with_images(name: str, image: Schema) -> Schema:
        schema = of_readers(_FIELD_READERS, required=("prompt", name))
        images = {name: image_array(image, limits), "mask": image}
        return {**schema, "properties": {**images, **schema["properties"]}}

    return {JSON: with_images("images", reference), FORM: with_images("image", IMAGE_FILE)}


async def _parse(fields: Any, context: ParseContext) -> EditJobRequest:
    given = known_fields(fields, "", ("image", "images", "mask", *_FIELD_READERS))
    read = {name: reader(given[name], name) for name, reader in _FIELD_READERS.items() if name in given}
    if read.get("stream"):
        raise InvalidRequest("stream is true, which is not supported. Omit it.", field="stream")
    if read.get("background") == "transparent" and read.get("output_format") in ("jpeg", "jpg"):
        raise InvalidRequest("jpeg has no transparent background. Take png or webp.", field="background")
    images = _form_files(given["image"]) if "image" in given else _json_images(given.get("images"))
    request: dict[str, Any] = {
        "images": images,
        "modelId": _model_id(read.get("model"), context),
        "quality": _QUALITIES[read.get("quality", "auto")],
        "output_format": read.get("output_format", "png"),
        "safe_mode": read.get("moderation") != "low",
        "prompt": read.get("prompt"),
    }
    if "mask" in given:
        mask = await _load_mask(given["mask"], context)
        most = context.limits.max_images
        all_images = [*images[:1], mask, *images[1:]]
        request["multiedit"] = {"roles": {"2": "mask"}}
        if len(images) == most:  # the mask is none of the images that OpenAI counts
            request["images"], request["multiedit"]["images"] = all_images[:most], all_images[most:]
        else:
            request["images"] = all_images
    present = {name: value for name, value in request.items() if value is not None}
    compression = read.get("output_compression")
    options = {} if compression is None else {"quality": max(1, compression)}
    size = _parse_size(read.get("size", "auto"), context.limits)
    edit = replace(parse_request(present, context.limits), size=size)
    return EditJobRequest(edit, options, count=read.get("n", 1))


def _model_id(asked: str | None, context: ParseContext) -> str | None:
    """The model's id in the catalogue; None for the default."""
    return hard_coded_models(context.limits, context.catalog).get(asked or "", asked)


def _form_files(value: object) -> list[object]:
    """Check the form's `image`; JSON has none."""
    if not isinstance(value, list):
        raise InvalidRequest("image takes files in a form; in JSON send images.", field="image")
    return value


def _json_images(value: object) -> list[object]:
    """Read JSON's `images`: objects with an `image_url`, a URL or a data URL."""
    if not isinstance(value, list) or not all(
        isinstance(item, Mapping) and isinstance(item.get("image_url"), str) for item in value
    ):
        raise InvalidRequest(
            "image is missing: send files in a form, or JSON with images: [{image_url: ...}].", field="image"
        )
    return [item["image_url"] for item in value]


def _parse_size(size: str, limits: Limits) -> Size | None:
    """Read OpenAI's `size`; None for auto."""
    if size == "auto":
        return None
    sides = _SIZE.fullmatch(size)
    if sides is None or max(map(int, sides.groups())) > limits.max_side:
        raise invalid_value(
            "size", size, f"auto, or WIDTHxHEIGHT such as 1024x1024, {limits.max_side} px a side at most"
        )
    return int(sides[1]), int(sides[2])


async def _load_mask(value: object, context: ParseContext) -> UploadSource:
    """Load OpenAI's mask, transparent where the image may change, as an edit mask, white there."""
    from ...pipelines.images.mask_file import mask_from_alpha

    try:
        data = await context.loader.load(_mask_source(value), "the mask")
        white = await asyncio.to_thread(mask_from_alpha, data, context.limits, "the mask")
    except MultiEditError as error:
        raise error.copy_with(field="mask") from error
    return await context.uploads.store(white, "the mask")


def _mask_source(value: object) -> ImageSource:
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], UploadSource):
        return value[0]
    if isinstance(value, Mapping) and isinstance(value.get("image_url"), str):
        return TextSource(value["image_url"])
    raise InvalidRequest("mask must be one file, or in JSON {image_url: ...}.", field="mask")


def _respond(result: EditResult) -> web.Response:
    body: OpenAIImages = {
        "created": int(time.time()),
        "data": [{"b64_json": base64.b64encode(file.data).decode()} for file in (result.file, *result.more)],
        "size": f"{result.plan.width}x{result.plan.height}",
        "output_format": result.plan.output_format,
        "background": "auto",
    }
    return web.json_response(body)


async def _refuse_generation(call: Call) -> web.StreamResponse:
    raise InvalidRequest(
        "This server edits images; it makes none from text alone. Send your image and the prompt to "
        "/v1/images/edits, and ask another server for new images."
    )


_FORM = Form({"image": "image", "image[]": "image", "mask": "mask"}, _TEXT_READERS)

ROUTE = Route(
    "POST", "/v1/images/edits", "createImageEdit", make_edit_handler(EditFormat(_FORM, _parse, _respond)),
    "guarded", "Edit images, in OpenAI's format", OpenAIImages, "openai", bodies=_bodies, edits=True,
    field_names=_FIELD_NAMES,
)  # fmt: skip
GENERATIONS = Route(
    "POST", "/v1/images/generations", "createImage", _refuse_generation, "guarded",
    "Say that this server edits images and makes none from text alone", OpenAIImages, "openai",
    error_descriptions={400: "Always: send an image to /v1/images/edits"},
)  # fmt: skip
