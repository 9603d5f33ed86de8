"""POST /v1/image/multi-edit: up to three layered images and one prompt."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.settings import Limits
from ...pipelines.planning.model_options import Reader, option_readers
from ...pipelines.planning.request import (
    extras_readers,
    parse_request,
    read_more_images,
    request_readers,
)
from ..backends.base import EditJobRequest
from ..body.multipart import Form, boolean_text, json_text
from ..body.reader import FORM, JSON
from ..image_response import image_response
from ..route import Route
from ..schema.json_schema import IMAGE_FILE, Schema, image_array, of_readers
from .edit_handler import EditFormat, ParseContext, make_edit_handler

_MORE = "multiedit.images"
TEXT_READERS = {"safe_mode": boolean_text, "multiedit": json_text}


def request_schema(limits: Limits, catalog: Catalog) -> Schema:
    """Return the schema of the JSON body."""
    schema = of_readers(request_readers(limits), required=("prompt", "images"))
    schema["properties"]["modelId"] = {"type": "string", "enum": [model.id for model in catalog]}
    schema["properties"]["multiedit"] = of_readers(_multiedit_readers(limits))
    return schema


def _multiedit_readers(limits: Limits) -> dict[str, Reader]:
    options = option_readers(limits) if limits.model_options else {}
    more: Reader = partial(read_more_images, images=1, limits=limits)
    return {"images": more, **extras_readers(limits.max_all_images), **options}


def _bodies(limits: Limits, catalog: Catalog) -> Mapping[str, Schema]:
    schema = request_schema(limits, catalog)
    files = {"images": image_array(IMAGE_FILE, limits), _MORE: image_array(IMAGE_FILE, limits)}
    files[_MORE]["maxItems"] = limits.max_all_images - 1
    properties = {**schema["properties"], **files}
    return {JSON: schema, FORM: {**schema, "properties": properties}}


async def _parse(fields: Any, context: ParseContext) -> EditJobRequest:
    return EditJobRequest(parse_request(_with_more_files(fields), context.limits))


def _with_more_files(fields: Any) -> Any:
    """Put a form's files of `multiedit.images` into `multiedit`."""
    if not isinstance(fields, dict) or _MORE not in fields:
        return fields
    extras = fields.get("multiedit", {})
    rest = {name: value for name, value in fields.items() if name != _MORE}
    if not isinstance(extras, dict):
        return rest
    return {**rest, "multiedit": {**extras, "images": fields[_MORE]}}


_FORMAT = EditFormat(Form({"images": "images", _MORE: _MORE}, TEXT_READERS), _parse, image_response)

ROUTE = Route(
    "POST", "/v1/image/multi-edit", "multiEditImage", make_edit_handler(_FORMAT), "guarded",
    "Edit up to three layered images with one prompt", bytes, bodies=_bodies, edits=True,
)  # fmt: skip
