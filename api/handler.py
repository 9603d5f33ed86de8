"""The way of every request: let in, answered, logged and counted; and of every error into an answer."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import web

from ..pipelines.common.errors import MultiEditError
from . import request_log
from .access.auth import Caller
from .errors import ClientGone, drop_traceback
from .responses import error_answer
from .routes.table import Route
from .service import Call, Service

_logger = logging.getLogger(__name__)


def handler_of(service: Service, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """What aiohttp calls for a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        call = Call(service, route, request, uuid.uuid4().hex, Caller(f"ip-{request.remote}"))
        call.headers["x-request-id"] = call.id
        status = ClientGone.status
        try:
            response = await _answered(call)
            status = response.status
        finally:
            _note(call, status, time.perf_counter() - started)
        response.headers.update(call.headers)
        return response

    return handle


async def _answered(call: Call) -> web.StreamResponse:
    try:
        call.caller = call.service.guard.admit(call.request, call.route.access)
        return await call.route.handler(call)
    except MultiEditError as error:
        drop_traceback(error)
        return error_answer(call.route.renamed(error), call.route.shape)
    except Exception as error:
        # The only place that may: a client gets an answer, and the log what really happened.
        _logger.exception("request %s failed unexpectedly", call.id)
        drop_traceback(error)
        unknown = MultiEditError(f"An unknown error occurred. The server's log has it under {call.id}.")
        return error_answer(unknown, call.route.shape)


def _note(call: Call, status: int, seconds: float) -> None:
    model = str(call.facts.get("model", ""))
    if call.route.edits:
        call.service.rates.fail(call.caller.id, model, status)
    call.service.metrics.answered(call.route.path, status, model, seconds)
    request_log.write(
        {
            "id": call.id,
            "method": call.request.method,
            "route": call.route.path,
            "status": status,
            "caller": call.caller.id,
            "bytes_in": call.request.content_length or 0,
            "seconds": f"{seconds:.3f}",
            **call.facts,
        }
    )
