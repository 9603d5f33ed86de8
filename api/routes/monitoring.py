"""GET /v1/health, GET /v1/ready and GET /metrics."""

from __future__ import annotations

import asyncio
from typing import TypedDict

from aiohttp import web

from ..errors import ServerBusy
from ..route import Call, Route
from ..temporary_files import check_temporary_files


class ServerState(TypedDict):
    """The state of the server: `ok`."""

    status: str


async def _health(call: Call) -> web.StreamResponse:
    """Respond while the process runs."""
    return web.json_response({"status": "ok"})


async def _ready(call: Call) -> web.StreamResponse:
    """Respond 200 while an edit would be accepted."""
    call.service.jobs.require_slot()
    await asyncio.to_thread(check_temporary_files)
    if problem := await call.service.backend.check():
        raise ServerBusy(problem)
    return web.json_response({"status": "ok"})


async def _metrics(call: Call) -> web.StreamResponse:
    body, content_type = call.service.metrics.text()
    return web.Response(body=body, headers={"Content-Type": content_type})


ROUTES = (
    Route("GET", "/v1/health", "health", _health, "public", "Check that the server responds", ServerState),
    Route(
        "GET", "/v1/ready", "ready", _ready, "public", "Check that an edit would be accepted", ServerState,
        error_descriptions={503: "No edit would be accepted"},
    ),
    Route(
        "GET", "/metrics", "metrics", _metrics, "guarded", "Get Prometheus metrics", "text/plain",
        error_descriptions={404: "prometheus_client is not installed"},
    ),
)  # fmt: skip
