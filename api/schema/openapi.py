"""/openapi.json: every route with what it takes and gives, from the types that check and make it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.settings import Limits
from ...pipelines.planning.request import extras_readers, request_readers
from ..jobs import JobState
from ..responses import DetailedError, OpenAIError, PayloadTooLargeError, StandardError
from ..routes import multi_edit, openai
from ..routes.models import ModelType
from .json_schema import Components, Schema, of_readers

if TYPE_CHECKING:
    from ..routes.table import Route

VERSION = "0.1.0"
_FILE: Schema = {"type": "string", "format": "binary"}
_REFERENCE: Schema = {"type": "object", "required": ["image_url"]}
_PICTURE: dict[str, Any] = {kind: {"schema": _FILE} for kind in ("image/png", "image/jpeg", "image/webp")}
_EDIT_ERRORS: dict[int, tuple[str, type]] = {
    400: ("The request, or one of its pictures, is not right", DetailedError),
    401: ("No key, or one that is not known", StandardError),
    402: (
        "The operator's budget for closed models, or the account there, is used up",
        StandardError,
    ),
    403: ("The provider of a closed model refuses the operator's key", StandardError),
    404: ("A picture's URL leads to none", StandardError),
    413: ("A picture or the body is too large", PayloadTooLargeError),
    415: ("The body is empty, or in a charset or encoding that is not read", StandardError),
    422: ("The picture is too large, or the provider of a closed model refuses it", DetailedError),
    424: ("The provider of a closed model gave no picture, and may have charged for one", StandardError),
    429: ("Too many requests, or too many failed ones", StandardError),
    500: ("The edit failed", StandardError),
    503: ("The model is offline, or the server is busy", StandardError),
    504: ("The edit, or a picture's server, took too long", StandardError),
}


def request_schema(limits: Limits, catalog: Catalog) -> Schema:
    """The JSON of POST /image/multi-edit."""
    schema = of_readers(request_readers(limits), required=("prompt", "images"))
    schema["properties"]["modelId"] = {"type": "string", "enum": [model.id for model in catalog]}
    schema["properties"]["multiedit"] = of_readers(extras_readers(limits.max_images))
    return schema


def _form_schema(schema: Schema, limits: Limits) -> Schema:
    files = {"type": "array", "items": _FILE, "minItems": 1, "maxItems": limits.max_images}
    return {**schema, "properties": {**schema["properties"], "images": files}}


def _single_schema(schema: Schema, picture: Schema) -> Schema:
    fields = {**schema["properties"], "image": picture, "model": schema["properties"]["modelId"]}
    kept = {name: fields[name] for name in multi_edit.SINGLE_FIELDS}
    return {**schema, "properties": kept, "required": ["prompt", "image"]}


def _openai_schema(name: str, picture: Schema, limits: Limits) -> Schema:
    schema = of_readers(openai.FIELDS, required=("prompt", name))
    pictures = {"type": "array", "items": picture, "minItems": 1, "maxItems": limits.max_images}
    return {**schema, "properties": {name: pictures, "mask": picture, **schema["properties"]}}


def _bodies(limits: Limits, catalog: Catalog) -> dict[str, dict[str, Schema]]:
    """By route and content type."""
    multi = request_schema(limits, catalog)
    text = multi["properties"]["images"]["items"]
    return {
        "/v1/image/multi-edit": {
            "application/json": multi,
            "multipart/form-data": _form_schema(multi, limits),
        },
        "/v1/image/edit": {
            "application/json": _single_schema(multi, text),
            "multipart/form-data": _single_schema(multi, _FILE),
        },
        "/v1/images/edits": {
            "application/json": _openai_schema(
                "images", {**_REFERENCE, "properties": {"image_url": text}}, limits
            ),
            "multipart/form-data": _openai_schema("image", _FILE, limits),
        },
    }


def openapi(limits: Limits, catalog: Catalog) -> dict[str, Any]:
    """The document, OpenAPI 3.1."""
    from ..routes.table import ROUTES

    components = Components()
    bodies = _bodies(limits, catalog)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        operation = _operation(route, components)
        if route.path in bodies:
            content = {kind: {"schema": schema} for kind, schema in bodies[route.path].items()}
            operation["requestBody"] = {"required": True, "content": content}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "multi-edit",
            "version": VERSION,
            "description": "Edit a picture from layered images and one prompt. Paths are below /api too.",
        },
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "securitySchemes": {"BearerAuth": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, components: Components) -> dict[str, Any]:
    answers = {"200": _success(route, components), **_errors(route, components)}
    if route.edits:
        answers["202"] = _json("With `Prefer: respond-async`: the job", JobState, components)
    if route.method == "DELETE":
        answers["204"] = {"description": answers.pop("200")["description"]}
    parameters = [*_path_parameters(route.path), *_QUERIES.get(route.path, ())]
    security: list[dict[str, list[str]]] = [{"BearerAuth": []}] if route.access == "guarded" else []
    return {
        "summary": route.summary,
        "operationId": route.name,
        "security": security,
        "responses": answers,
        **({"parameters": parameters} if parameters else {}),
    }


_QUERIES: dict[str, list[dict[str, Any]]] = {
    "/v1/models": [
        {"name": "type", "in": "query", "required": False, "schema": Components().of_type(ModelType)}
    ]
}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    if "{id}" not in path:
        return []
    return [{"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}]


def _success(route: Route, components: Components) -> dict[str, Any]:
    if isinstance(route.gives, str):
        return {"description": "OK", "content": {route.gives: {"schema": {"type": "string"}}}}
    if route.gives is bytes:
        return {"description": "The picture", "content": _PICTURE}
    return _json("OK", route.gives, components)


def _errors(route: Route, components: Components) -> dict[str, Any]:
    errors = {status: (words, StandardError) for status, words in route.errors.items()}
    known: Mapping[int, tuple[str, type]] = {} if route.access == "open" else {401: _EDIT_ERRORS[401]}
    if route.edits or route.gives is bytes:  # a job's picture may be any of its edit's errors
        known = _EDIT_ERRORS
    return {
        str(status): _json(words, OpenAIError if route.shape == "openai" else kind, components)
        for status, (words, kind) in {**known, **errors}.items()
    }


def _json(words: str, kind: Any, components: Components) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": components.of_type(kind)}}}
