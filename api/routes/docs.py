"""GET /v1/openapi.json and GET /v1/docs."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..route import Call, Route
from ..schema.docs_page import docs_page
from ..schema.openapi import openapi


async def _openapi(call: Call) -> web.StreamResponse:
    return web.json_response(openapi(call.routes, call.service.limits, call.service.catalog))


async def _docs(call: Call) -> web.StreamResponse:
    page = docs_page(openapi(call.routes, call.service.limits, call.service.catalog))
    return web.Response(text=page, content_type="text/html")


ROUTES = (
    Route(
        "GET", "/v1/openapi.json", "openapi", _openapi, "public", "Get this OpenAPI document", dict[str, Any]
    ),
    Route("GET", "/v1/docs", "docs", _docs, "public", "Read this document as a page", "text/html"),
)
