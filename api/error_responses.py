"""Error responses in the contract's format and in OpenAI's: bodies and headers, from one error tree.

The contract has three error bodies. StandardError is {error}. DetailedError adds `details`, which mirrors
the request's fields, and `issues`, a list of the same. PayloadTooLargeError is {code, error}.
"""

from __future__ import annotations

import math
from typing import Any, Literal, TypedDict

from aiohttp import web

from ..pipelines.common.errors import (
    ClassifierMissing,
    InvalidRequest,
    ModelUnavailable,
    MultiEditError,
    UnknownModel,
)
from .errors import HttpError

ErrorFormat = Literal["multi_edit", "openai"]
_BUSY_SECONDS = 5
_LONGEST_WAIT_SECONDS = 60  # many clients sleep as long as they are told to, within one call
# What only the server's owner can change: a client that waits would wait in vain.
_NOT_HELPED_BY_WAITING = (ModelUnavailable, ClassifierMissing)
# The contract's own words, where `details` has the rest.
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
    """One fault of a request; `path` leads to the field."""

    code: str
    path: list[str | int]
    message: str


class DetailedError(StandardError, total=False):
    """`details` has the request's shape, with `_errors` at each level."""

    details: dict[str, Any]
    issues: list[Issue]


class PayloadTooLargeError(StandardError):
    """A file or body over its size limit."""

    code: str


class OpenAIErrorDetails(TypedDict):
    """OpenAI's description of an error."""

    message: str
    type: str
    param: str | None
    code: str


class OpenAIError(TypedDict):
    """OpenAI's error body."""

    error: OpenAIErrorDetails


def error_body(error: MultiEditError, error_format: ErrorFormat = "multi_edit") -> dict[str, Any]:
    """Return the JSON body for an error."""
    if error_format == "openai":
        kind = _OPENAI_TYPES.get(error.status)
        kind = kind or ("server_error" if error.status >= 500 else "invalid_request_error")
        code = error.code.lower()
        return {"error": {"message": error.message, "type": kind, "param": error.field, "code": code}}
    if error.status == 413:
        return {"code": error.code, "error": error.message}
    if error.status in (400, 422) and error.field:
        title = next((text for kind, text in _TITLES if isinstance(error, kind)), "") or error.message
        path = _path(error.field)
        issue = {"code": "custom", "path": path, "message": error.message}
        return {"error": title, "details": _details(path, error.message), "issues": [issue]}
    return {"error": error.message}


def _path(field: str) -> list[str | int]:
    """Split a field into names, and a position in `images` from 0; our fields count from 1."""
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
    """Return the headers for an error; `Retry-After` only where waiting helps."""
    wait = error.retry_after if isinstance(error, HttpError) else None
    if wait is None and error.status == 503 and not isinstance(error, _NOT_HELPED_BY_WAITING):
        wait = _BUSY_SECONDS
    headers = {} if wait is None else {"Retry-After": str(min(math.ceil(wait), _LONGEST_WAIT_SECONDS))}
    return {**headers, "WWW-Authenticate": "Bearer"} if error.status == 401 else headers


def error_response(error: MultiEditError, error_format: ErrorFormat = "multi_edit") -> web.Response:
    """Return the response for an error."""
    body = error_body(error, error_format)
    return web.json_response(body, status=error.status, headers=error_headers(error))
