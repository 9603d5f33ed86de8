"""The hosted API's two edits: /image/multi-edit with layered images, /image/edit with one."""

from __future__ import annotations

from typing import Any

from ...pipelines.catalog.model import Model
from ...pipelines.common.errors import InvalidRequest, UnsupportedValue
from ...pipelines.common.validation import known_fields
from ...pipelines.planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL
from ...pipelines.planning.request import EditRequest, parse_request
from ..backends.base import Work
from ..body.multipart import Form, boolean_text, json_text
from ..body.uploads import Uploads
from ..responses import picture_answer
from ..service import Service
from .edit import EditForm

_TEXTS = {"safe_mode": boolean_text, "multiedit": json_text}
# Of /image/edit, as the multi-edit's fields are called here. `model` wins over the older `modelId`.
SINGLE_FIELDS = (
    "prompt", "image", "model", "modelId", "aspect_ratio", "resolution", "output_format", "safe_mode",
    "multiedit",
)  # fmt: skip


async def _multi_work(fields: Any, service: Service, uploads: Uploads) -> Work:
    return Work(parse_request(fields, service.limits))


async def _single_work(fields: Any, service: Service, uploads: Uploads) -> Work:
    given = dict(known_fields(fields, "", SINGLE_FIELDS))
    if "image" in given:
        image = given.pop("image")
        if isinstance(image, list) and len(image) != 1:
            raise InvalidRequest(f"image holds {len(image)} pictures; it must be one.", field="image")
        given["images"] = image if isinstance(image, list) else [image]
    if "model" in given:
        given["modelId"] = given.pop("model")
    request = parse_request(given, service.limits)
    if request.resolution is not None and not (model := await _model(request, service)).tiers:
        raise UnsupportedValue(
            f"resolution is {request.resolution!a}, and {model.id} has no tiers. Leave it out.",
            field="resolution",
        )
    return Work(request)


async def _model(request: EditRequest, service: Service) -> Model:
    """The model that will be used."""
    if request.model_id is not None:
        return service.catalog.get(request.model_id)
    default = DEFAULT_MODEL in await service.backend.models()
    return service.catalog.get(DEFAULT_MODEL if default else EMBEDDED_MODEL)


MULTI_EDIT = EditForm(Form({"images": "images"}, _TEXTS), _multi_work, picture_answer)
"""POST /image/multi-edit."""

# Its picture may be text in a form too.
SINGLE_EDIT = EditForm(Form({"image": "image"}, _TEXTS, text_files=True), _single_work, picture_answer)
"""POST /image/edit."""
