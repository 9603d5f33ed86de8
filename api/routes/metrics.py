"""GET /metrics."""

from __future__ import annotations

from aiohttp import web

from ..route import Call, Route


async def _metrics(call: Call) -> web.StreamResponse:
    body, content_type = call.service.metrics.text()
    return web.Response(body=body, headers={"Content-Type": content_type})


ROUTE = Route(
    "GET", "/metrics", "metrics", _metrics, "guarded", "Get Prometheus metrics", "text/plain",
    error_descriptions={404: "prometheus_client is not installed"},
)  # fmt: skip
