"""POST /v1/image/edit: one image and one prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...pipelines.catalog.lookup import Catalog
from ...pipelines.catalog.model import Model
from ...pipelines.common.errors import ImageTooLarge, InvalidRequest, UnsupportedValue
from ...pipelines.common.settings import Limits
from ...pipelines.common.validation import describe, known_fields
from ...pipelines.planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL
from ...pipelines.planning.request import EditRequest, parse_request
from ..backends.base import EditJobRequest
from ..body.multipart import Form
from ..body.reader import FORM, JSON
from ..image_response import image_response
from ..route import Route
from ..schema.json_schema import IMAGE_FILE, IMAGE_TEXT, Schema
from .edit_handler import EditFormat, ParseContext, make_edit_handler
from .multi_edit import TEXT_READERS, request_schema

# `model` wins over the older `modelId`.
_FIELDS = (
    "prompt", "image", "model", "modelId", "aspect_ratio", "resolution", "output_format", "safe_mode",
    "multiedit",
)  # fmt: skip


def _bodies(limits: Limits, catalog: Catalog) -> Mapping[str, Schema]:
    schema = request_schema(limits, catalog)

    def with_image(image: Schema) -> Schema:
        known = {**schema["properties"], "image": image, "model": schema["properties"]["modelId"]}
        fields = {name: known[name] for name in _FIELDS}
        return {**schema, "properties": fields, "required": ["prompt", "image"]}

    return {JSON: with_image(IMAGE_TEXT), FORM: with_image(IMAGE_FILE)}


async def _parse(fields: Any, context: ParseContext) -> EditJobRequest:
    given = dict(known_fields(fields, "", _FIELDS))
    if "image" in given:
        image = given.pop("image")
        if isinstance(image, list) and len(image) != 1:
            raise InvalidRequest(f"image has {len(image)} images; send exactly 1.", field="image")
        given["images"] = image if isinstance(image, list) else [image]
    if (model := given.pop("model", "")) != "":
        given["modelId"] = model
    request = parse_request(given, context.limits)
    if len(request.images) > 1:
        raise InvalidRequest(
            "multiedit.images is for /v1/image/multi-edit; this route edits one image. Leave it out.",
            field="multiedit.images",
        )
    if request.resolution is not None and not (model := await _find_model(request, context)).tiers:
        raise UnsupportedValue(
            f"resolution is {describe(request.resolution)}, but {model.id} has no resolution tiers. Omit it.",
            field="resolution",
        )
    return EditJobRequest(request)


async def _find_model(request: EditRequest, context: ParseContext) -> Model:
    """Look up the model that will run the edit."""
    if request.model_id is not None:
        return context.catalog.get(request.model_id)
    default = DEFAULT_MODEL in await context.available_models()
    return context.catalog.get(DEFAULT_MODEL if default else EMBEDDED_MODEL)


# A form may send its image as text too.
_FORMAT = EditFormat(Form({"image": "image"}, TEXT_READERS, text_files=True), _parse, image_response)

ROUTE = Route(
    "POST", "/v1/image/edit", "editImage", make_edit_handler(_FORMAT), "guarded", "Edit one image", bytes,
    bodies=_bodies, edits=True, field_names={"images": "image", "modelId": "model"},
    error_statuses={ImageTooLarge: 422},
)  # fmt: skip
