"""The OpenAPI document of the routes, made from their readers and types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.settings import Limits
from ...pipelines.common.version import VERSION
from ..edit_job import JobState
from ..error_responses import DetailedError, OpenAIError, PayloadTooLargeError, StandardError
from ..route import Route
from .json_schema import IMAGE_FILE, Components

_KINDS = ("image/png", "image/jpeg", "image/webp", "application/zip")  # a pack of several results
_IMAGE: dict[str, Any] = {kind: {"schema": IMAGE_FILE} for kind in _KINDS}
_EDIT_ERRORS: dict[int, tuple[str, type]] = {
    400: ("The request, or one of its images, is not valid", DetailedError),
    401: ("No API key, or an unknown one", StandardError),
    402: ("The operator's budget for closed models, or the provider account, is used up", StandardError),
    403: ("The provider of a closed model refuses the operator's key", StandardError),
    404: ("No image at an image's URL, or its server takes too long", StandardError),
    413: ("An image or the body is too large", PayloadTooLargeError),
    415: ("The body is empty, or has an unsupported charset or encoding", StandardError),
    422: ("The image has too many pixels, or the provider of a closed model refuses it", DetailedError),
    424: ("The provider of a closed model sent no image, and may have charged for one", StandardError),
    429: ("Too many requests, or too many failed ones", StandardError),
    500: ("The edit failed", StandardError),
    503: ("The model is offline, or the server is busy", StandardError),
    504: ("The edit took too long", StandardError),
}


def openapi(routes: Iterable[Route], limits: Limits, catalog: Catalog) -> dict[str, Any]:
    """Describe the routes as an OpenAPI 3.1 document."""
    components = Components()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        operation = _operation(route, components)
        if route.bodies is not None:
            bodies = route.bodies(limits, catalog)
            content = {kind: {"schema": schema} for kind, schema in bodies.items()}
            operation["requestBody"] = {"required": True, "content": content}
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "multi-edit",
            "version": VERSION,
            "description": "Edit layered images with one prompt. Every path is also below /api.",
        },
        "paths": paths,
        "components": {
            "schemas": components.schemas,
            "securitySchemes": {"BearerAuth": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, components: Components) -> dict[str, Any]:
    responses = {"200": _success(route, components), **_errors(route, components)}
    if route.edits:
        responses["202"] = _json("With `Prefer: respond-async`: the job", JobState, components)
    if route.method == "DELETE":
        responses["204"] = {"description": responses.pop("200")["description"]}
    parameters = _parameters(route, components)
    security: list[dict[str, list[str]]] = [{"BearerAuth": []}] if route.access == "guarded" else []
    return {
        "summary": route.summary,
        "operationId": route.name,
        "security": security,
        "responses": responses,
        **({"parameters": parameters} if parameters else {}),
    }


def _parameters(route: Route, components: Components) -> list[dict[str, Any]]:
    identifier = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return [
        *([identifier] if "{id}" in route.path else []),
        *(
            {"name": name, "in": "query", "required": False, "schema": components.of_type(kind)}
            for name, kind in route.query.items()
        ),
    ]


def _success(route: Route, components: Components) -> dict[str, Any]:
    if isinstance(route.response, str):
        return {"description": "OK", "content": {route.response: {"schema": {"type": "string"}}}}
    if route.response is bytes:
        return {"description": "The image", "content": _IMAGE}
    return _json("OK", route.response, components)


def _errors(route: Route, components: Components) -> dict[str, Any]:
    errors = {status: (words, StandardError) for status, words in route.error_descriptions.items()}
    known: Mapping[int, tuple[str, type]] = {} if route.access == "open" else {401: _EDIT_ERRORS[401]}
    if route.edits or route.response is bytes:  # a job's result may be any error of its edit
        known = _EDIT_ERRORS
    return {
        str(status): _json(words, OpenAIError if route.error_format == "openai" else kind, components)
        for status, (words, kind) in {**known, **errors}.items()
    }


def _json(words: str, kind: Any, components: Components) -> dict[str, Any]:
    return {"description": words, "content": {"application/json": {"schema": components.of_type(kind)}}}
