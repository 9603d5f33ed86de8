"""What goes back: the hosted API's bodies and headers, and OpenAI's, from one error tree.

The hosted API has three bodies for errors. StandardError is {error}. DetailedError adds `details`, which
mirrors the request's fields, and `issues`, a list of the same. PayloadTooLargeError is {code, error}.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypedDict

from aiohttp import web

from ..pipelines.common.errors import InvalidRequest, ModelUnavailable, MultiEditError, UnknownModel
from .backends.base import Edited

Shape = Literal["hosted", "openai"]
_OFFLINE_SECONDS = 3600  # somebody has to install something first
_BUSY_SECONDS = 5
# The hosted API's own words, where a body has `details` to say the rest.
_TITLES: tuple[tuple[type[MultiEditError], str], ...] = (
    (UnknownModel, "Invalid model id"),
    (InvalidRequest, "Invalid request parameters"),
)
# OpenAI's `type` by status.
_OPENAI_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}


class StandardError(TypedDict):
    """A description of the error."""

    error: str


class Issue(TypedDict):
    """One thing that is wrong with a request; `path` leads to the field."""

    code: str
    path: list[str | int]
    message: str


class DetailedError(StandardError, total=False):
    """`details` has the request's shape, with `_errors` at each level."""

    details: dict[str, Any]
    issues: list[Issue]


class PayloadTooLargeError(StandardError):
    """A file or a body that is too large."""

    code: str


class OpenAIErrorDetails(TypedDict):
    """OpenAI's description of an error."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(TypedDict):
    """OpenAI's body for errors."""

    error: OpenAIErrorDetails


def error_body(error: MultiEditError, shape: Shape = "hosted") -> dict[str, Any]:
    """The JSON body for an error."""
    if shape == "openai":
        kind = _OPENAI_TYPES.get(error.status)
        kind = kind or ("server_error" if error.status >= 500 else "invalid_request_error")
        return {
            "error": {
                "message": error.message,
                "type": kind,
                "param": error.field,
                "code": error.code.lower(),
            }
        }
    if error.status == 413:
        return {"code": error.code, "error": error.message}
    if error.status in (400, 422) and error.field:
        title = next((text for kind, text in _TITLES if isinstance(error, kind)), "") or error.message
        path = _path(error.field)
        issue = {"code": "custom", "path": path, "message": error.message}
        return {"error": title, "details": _details(path, error.message), "issues": [issue]}
    return {"error": error.message}


def _path(field: str) -> list[str | int]:
    """Names of fields, and positions in `images`, which our messages count from 1."""
    names = field.split(".")
    if len(names) == 2 and names[0] == "images" and names[1].isdigit():
        return [names[0], int(names[1]) - 1]
    return list(names)


def _details(path: list[str | int], message: str) -> dict[str, Any]:
    details: dict[str, Any] = {"_errors": [message]}
    for name in reversed(path):
        details = {"_errors": [], str(name): details}
    return details


def error_headers(error: MultiEditError) -> dict[str, str]:
    """The headers that an error brings."""
    wait = getattr(error, "retry_after", None)
    if wait is None and error.status == 503:
        wait = _OFFLINE_SECONDS if isinstance(error, ModelUnavailable) else _BUSY_SECONDS
    headers = {} if wait is None else {"Retry-After": str(math.ceil(wait))}
    return {**headers, "WWW-Authenticate": "Bearer"} if error.status == 401 else headers


def error_answer(error: MultiEditError, shape: Shape = "hosted") -> web.Response:
    """The whole answer for an error."""
    return web.json_response(error_body(error, shape), status=error.status, headers=error_headers(error))


def picture_headers(edited: Edited) -> dict[str, str]:
    """The hosted API's headers for an edited picture."""
    return {
        "x-venice-model-id": edited.model,
        "x-venice-model-name": edited.model_name,
        "x-venice-is-blurred": "true" if edited.blurred else "false",
        # What safe mode finds is blurred; there is no other policy here that a picture could violate.
        "x-venice-is-content-violation": "false",
    }


def picture_answer(edited: Edited) -> web.Response:
    """The picture's bytes, with the type that they are."""
    return web.Response(body=edited.data, content_type=edited.media_type, headers={**picture_headers(edited)})
