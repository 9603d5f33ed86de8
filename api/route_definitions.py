"""The table of routes as aiohttp's route definitions, below a prefix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import hdrs, web

from . import request_log
from .error_responses import StandardError
from .handler import make_handler
from .routes.table import ROUTES
from .service import Service


def route_definitions(service: Service, prefix: str = "") -> list[web.RouteDef]:
    """Define every route (aiohttp adds HEAD to GET), and for each path a response to other methods."""
    definitions: list[web.RouteDef] = []
    for path in dict.fromkeys(route.path for route in ROUTES):
        methods = [route for route in ROUTES if route.path == path]
        for route in methods:
            definitions.append(web.route(route.method, prefix + path, make_handler(service, ROUTES, route)))
        other = _make_fallback(route.method for route in methods)
        definitions.append(web.route(hdrs.METH_ANY, prefix + path, other))
    return definitions


def _make_fallback(methods: Iterable[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    known = list(methods)
    allowed = ", ".join([*known, *([hdrs.METH_HEAD] if hdrs.METH_GET in known else []), hdrs.METH_OPTIONS])

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers={"Allow": allowed})
        request_log.write_refusal(request, 405)
        body: StandardError = {"error": f"Method not allowed: {request.method}. Use {allowed}."}
        return web.json_response(body, status=405, headers={"Allow": allowed})

    return handle
