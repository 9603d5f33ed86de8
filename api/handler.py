"""The way of every request: authenticate, handle, log and count; and of every error to a response."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from ..pipelines.common.errors import MultiEditError
from . import request_log
from .access.auth import ADDRESS, Caller
from .error_responses import error_response
from .errors import ClientGone, Unauthorized, drop_traceback
from .route import Call, Route
from .service import Service

_logger = logging.getLogger(__name__)


def make_handler(
    service: Service, routes: tuple[Route, ...], route: Route
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Make the function that aiohttp calls for a route, which is one of `routes`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        call = Call(service, routes, route, request, uuid.uuid4().hex, Caller(f"{ADDRESS}{request.remote}"))
        call.headers["x-request-id"] = call.id
        status = ClientGone.status
        try:
            response = await _respond(call)
            status = response.status
        finally:
            _record(call, status, time.perf_counter() - started)
        response.headers.update(call.headers)
        return response

    return handle


async def _respond(call: Call) -> web.StreamResponse:
    try:
        call.caller = _admit(call)
        return await call.route.handler(call)
    except MultiEditError as error:
        drop_traceback(error)
        return error_response(call.route.translate(error), call.route.error_format)
    except Exception as error:
        # Whatever it is: the client gets a response, the log has the traceback.
        _logger.exception("request %s failed unexpectedly", call.id)
        drop_traceback(error)
        unknown = MultiEditError(f"An unknown error occurred. See request {call.id} in the server's log.")
        return error_response(unknown, call.route.error_format)


def _admit(call: Call) -> Caller:
    try:
        return call.service.guard.admit(call.request, call.route.access)
    except Unauthorized:
        if hdrs.AUTHORIZATION in call.request.headers:
            call.service.rates.count_wrong_key(str(call.request.remote))
        raise


def _record(call: Call, status: int, seconds: float) -> None:
    model = str(call.log_fields.get("model", ""))
    if call.route.edits:
        call.service.rates.count_failure(call.caller.id, model, status)
    call.service.metrics.count_response(call.route.path, status, model, seconds)
    request_log.write(
        {
            "id": call.id,
            "method": call.request.method,
            "route": call.route.path,
            "status": status,
            "caller": call.caller.id,
            "bytes_in": call.request.content_length or 0,
            "seconds": f"{seconds:.3f}",
            **call.log_fields,
        }
    )
