"""A server of our own: the routes at / and below /api, until it is told to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable

from aiohttp import web

from ..pipelines.common.errors import InvalidRequest, OutputError
from .access.auth import is_loopback
from .mount import route_definitions
from .responses import StandardError
from .service import Service

PREFIXES = ("", "/api")
_EXIT_SECONDS = 9.5  # after SIGTERM; what still hangs then is left behind
_BACKLOG = 1024
_HEADERS = "Authorization, *"  # the one that * does not mean; OpenAI's client sends some of its own
_EXPOSED = (
    "Location, Retry-After, x-request-id, x-venice-model-id, x-venice-model-name, x-venice-is-blurred, "
    "x-venice-is-content-violation, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    "x-ratelimit-reset-requests, x-ratelimit-type, x-ratelimit-remaining, x-ratelimit-resets"
)
_logger = logging.getLogger(__name__)
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _for_browsers(request: web.Request, handler: Next) -> web.StreamResponse:
    """Let pages of any origin call: a key is never sent without the page's own doing.

    Where no key is asked for, `Guard` refuses the pages of other machines.
    """
    try:
        response = await handler(request)
    except web.HTTPNotFound:
        body: StandardError = {"error": f"There is nothing at {request.path[:100]!a}; /v1/docs says what is."}
        response = web.json_response(body, status=404)
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "OPTIONS")
        response.headers["Access-Control-Allow-Headers"] = _HEADERS
        response.headers["Access-Control-Max-Age"] = "86400"
    else:
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def make_app(service: Service) -> web.Application:
    """The routes as an application; it drains the edits when it ends."""
    app = web.Application(middlewares=[_for_browsers])
    for prefix in PREFIXES:
        app.add_routes(route_definitions(service, prefix))

    async def close(_: web.Application) -> None:
        await service.jobs.drain()
        await service.backend.close()

    app.on_shutdown.append(close)
    return app


def make_runner(service: Service) -> web.AppRunner:
    """The application on its way to a socket; a connection that asks nothing for long is closed."""
    seconds = service.server_limits.connection_idle_seconds
    return web.AppRunner(make_app(service), access_log=None, shutdown_timeout=1.0, keepalive_timeout=seconds)


async def serve(service: Service, host: str, port: int, listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way and refuse what is new.

    Args:
        port: 0 for any that is free.
        listening: called with the server's address once it answers.

    Raises:
        InvalidRequest: it would be open to other machines without a key.
        OutputError: the address cannot be listened on.
    """
    if service.guard.opened and not is_loopback(host):
        raise InvalidRequest(
            f"MULTIEDIT_AUTH=off opens the server to this machine alone, and --host {host} to others. "
            "Leave one of them out."
        )
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # loop.add_signal_handler is not there on Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))
    runner = make_runner(service)
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=_BACKLOG)
    try:
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise OutputError(
            f"{host}:{port} cannot be listened on: {error.strerror}. Choose another --port."
        ) from error
    address = runner.addresses[0]
    listening(f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}")
    await ended.wait()
    _logger.info("ending")
    _leave_in_time()
    await service.jobs.drain()
    await runner.cleanup()


def _leave_in_time() -> None:
    """A thread that does not end must not keep the process."""
    timer = threading.Timer(_EXIT_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
