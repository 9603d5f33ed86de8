"""The routes about the server itself: models, health, metrics, the schema and its page."""

from __future__ import annotations

from aiohttp import web

from ..errors import ServerBusy
from ..schema.docs_page import docs_page
from ..schema.openapi import openapi
from ..service import Call
from .models import list_models, read_type


async def models(call: Call) -> web.StreamResponse:
    """GET /models."""
    service = call.service
    kind = read_type(call.request.query.get("type"))
    able = await service.backend.models()
    return web.json_response(list_models(kind, service.catalog, able, service.limits))


async def health(call: Call) -> web.StreamResponse:
    """GET /health: the process answers."""
    return web.json_response({"status": "ok"})


async def ready(call: Call) -> web.StreamResponse:
    """GET /ready: an edit would be taken."""
    with call.service.jobs.place():
        if problem := await call.service.backend.check():
            raise ServerBusy(problem)
    return web.json_response({"status": "ok"})


async def metrics(call: Call) -> web.StreamResponse:
    """GET /metrics."""
    body, kind = call.service.metrics.text()
    return web.Response(body=body, headers={"Content-Type": kind})


async def schema(call: Call) -> web.StreamResponse:
    """GET /openapi.json."""
    return web.json_response(openapi(call.service.limits, call.service.catalog))


async def docs(call: Call) -> web.StreamResponse:
    """GET /docs."""
    page = docs_page(openapi(call.service.limits, call.service.catalog))
    return web.Response(text=page, content_type="text/html")
