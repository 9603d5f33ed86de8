"""A route of the API, one call of it, and the type of its handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiohttp import web

from ..pipelines.catalog.lookup import Catalog
from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.settings import Limits
from .access.auth import Access, Caller
from .error_responses import ErrorFormat
from .schema.json_schema import Schema
from .service import Service


@dataclass
class Call:
    """One request to a route.

    Attributes:
        routes: all routes of the server.
        id: sent back as `x-request-id` and written to the log.
        headers: added to the response, whatever it is.
        log_fields: what the log line has besides the usual.
    """

    service: Service
    routes: tuple[Route, ...]
    route: Route
    request: web.Request
    id: str
    caller: Caller
    headers: dict[str, str] = field(default_factory=dict)
    log_fields: dict[str, Any] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Call], Awaitable[web.StreamResponse]]
BodySchemas: TypeAlias = Callable[[Limits, Catalog], Mapping[str, Schema]]
"""The schemas of a route's request body, by content type."""


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Attributes:
        name: the operation's id in the schema.
        response: a TypedDict for JSON, bytes for an image, or a content type.
        bodies: None where the route takes no body.
        query: the types of the query's parameters, by name.
        edits: it makes an edit, and counts against the caller's rate limits.
        field_names: this route's name for a field, by the pipeline's name.
        error_statuses: errors for which this route has another status than their own.
        error_descriptions: further error statuses, with a description of each.
    """

    method: str
    path: str
    name: str
    handler: Handler
    access: Access
    summary: str
    response: Any
    error_format: ErrorFormat = "multi_edit"
    bodies: BodySchemas | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    edits: bool = False
    field_names: Mapping[str, str] = field(default_factory=dict)
    error_statuses: Mapping[type[MultiEditError], int] = field(default_factory=dict)
    error_descriptions: Mapping[int, str] = field(default_factory=dict)

    def translate(self, error: MultiEditError) -> MultiEditError:
        """Return the error with this route's field name and status."""
        field_name, status = error.field, self.error_statuses.get(type(error))
        if field_name is not None:
            first = field_name.partition(".")[0]
            field_name = self.field_names.get(field_name, self.field_names.get(first))
        if field_name is None and status is None:
            return error
        return error.copy_with(field=field_name, status=status)
