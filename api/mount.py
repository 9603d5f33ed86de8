"""The routes as aiohttp takes them, under one prefix or several."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from aiohttp import hdrs, web

from .handler import handler_of
from .responses import StandardError
from .routes.table import ROUTES
from .service import Service


def route_definitions(service: Service, prefix: str = "") -> list[web.RouteDef]:
    """Every route (aiohttp adds HEAD to GET), and for each path an answer to any other method."""
    definitions: list[web.RouteDef] = []
    for path in dict.fromkeys(route.path for route in ROUTES):
        methods = [route for route in ROUTES if route.path == path]
        for route in methods:
            definitions.append(web.route(route.method, prefix + path, handler_of(service, route)))
        definitions.append(web.route(hdrs.METH_ANY, prefix + path, _other(route.method for route in methods)))
    return definitions


def _other(methods: Iterable[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    known = list(methods)
    allowed = ", ".join([*known, *([hdrs.METH_HEAD] if hdrs.METH_GET in known else []), hdrs.METH_OPTIONS])

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == hdrs.METH_OPTIONS:
            return web.Response(status=204, headers={"Allow": allowed})
        body: StandardError = {"error": f"{request.method} is not allowed here; {allowed} are."}
        return web.json_response(body, status=405, headers={"Allow": allowed})

    return handle
