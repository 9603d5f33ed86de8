"""The standalone server: the routes at / and below /api, until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Middleware

from ..pipelines.common.errors import InvalidRequest, OutputError
from ..pipelines.common.loopback import is_loopback
from ..pipelines.common.validation import shown
from . import request_log
from .connections import Connections
from .error_responses import StandardError
from .log_throttle import LogThrottle
from .route_definitions import route_definitions
from .service import Service

PREFIXES = ("", "/api")
_EXIT_SECONDS = 9.5  # after SIGTERM; threads that still run then are abandoned
_STRANGERS_A_MINUTE = 100  # lines of the log about callers without a key
_HEADERS = "Authorization, *"  # * excludes Authorization; OpenAI's client sends headers of its own
_EXPOSED = (
    "Location, Retry-After, x-request-id, x-venice-model-id, x-venice-model-name, x-venice-is-blurred, "
    "x-venice-is-content-violation, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    "x-ratelimit-reset-requests, x-ratelimit-type, x-ratelimit-remaining, x-ratelimit-resets"
)
_logger = logging.getLogger(__name__)
Next = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _add_cors_headers(request: web.Request, handler: Next) -> web.StreamResponse:
    """Allow pages of any origin: a browser never adds the API key by itself.

    Where no key is required, `Guard` refuses the pages of other machines.
    """
    try:
        response = await handler(request)
    except web.HTTPNotFound:
        body: StandardError = {"error": f"Not found: {shown(request.path)}. See /v1/docs."}
        response = web.json_response(body, status=404)
        request_log.write_refusal(request, response.status)
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "OPTIONS")
        response.headers["Access-Control-Allow-Headers"] = _HEADERS
        response.headers["Access-Control-Max-Age"] = "86400"
    else:
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


def make_app(service: Service, *middlewares: Middleware) -> web.Application:
    """Make the application; its shutdown drains the edits."""
    app = web.Application(middlewares=[*middlewares, _add_cors_headers])
    for prefix in PREFIXES:
        app.add_routes(route_definitions(service, prefix))

    async def close(_: web.Application) -> None:
        await service.jobs.drain()

    app.on_shutdown.append(close)
    return app


def make_runner(service: Service, *middlewares: Middleware) -> web.AppRunner:
    """Make the runner of the application, which closes idle connections.

    A compressed body stays as it is: it is refused by its header, and a broken one would log a traceback.
    """
    return web.AppRunner(
        make_app(service, *middlewares),
        access_log=None,
        shutdown_timeout=1.0,
        keepalive_timeout=service.server_limits.connection_idle_seconds,
        auto_decompress=False,
    )


async def serve(service: Service, host: str, port: int, listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then refuse new edits and finish those in flight.

    Args:
        port: 0 for any free port.
        listening: called with the server's address once it accepts connections.

    Raises:
        InvalidRequest: the server would be open to other machines without a key.
        OutputError: the address is not available.
    """
    if service.guard.opened and not is_loopback(host):
        raise InvalidRequest(
            f"MULTIEDIT_AUTH=off allows only this machine, but --host {shown(host)} allows others. "
            "Remove one of them."
        )
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # Windows has no loop.add_signal_handler
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    with _throttled_logs():
        await _serve_until(stopped, service, host, port, listening)


@contextlib.contextmanager
def _throttled_logs() -> Iterator[None]:
    """Bound what strangers can write to the log, as long as the server runs."""
    throttles = [(logging.getLogger(name), LogThrottle()) for name in ("asyncio", "aiohttp.server")]
    strangers = LogThrottle(most=_STRANGERS_A_MINUTE, only=request_log.STRANGER)
    throttles.append((request_log.logger, strangers))
    for logger, throttle in throttles:
        logger.addFilter(throttle)
    try:
        yield
    finally:
        for logger, throttle in throttles:
            logger.removeFilter(throttle)


async def _serve_until(
    stopped: asyncio.Event, service: Service, host: str, port: int, listening: Callable[[str], None]
) -> None:
    limits = service.server_limits
    connections = Connections(limits.connections, limits.connections_per_address)
    runner = make_runner(service, connections.middleware)
    await runner.setup()
    try:
        server = await connections.listen(cast(web.Server, runner.server), host, port)
    except OSError as error:
        await runner.cleanup()
        raise OutputError(
            f"Cannot listen on {shown(host)}:{port}: {error.strerror}. Choose another --host or --port."
        ) from error
    address = server.sockets[0].getsockname()
    listening(f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}")
    await stopped.wait()
    _logger.info("shutting down")
    _exit_in_time()
    await service.jobs.drain()
    server.close()
    await runner.cleanup()


def _exit_in_time() -> None:
    """End the process even if a thread hangs."""
    timer = threading.Timer(_EXIT_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
