"""Bounds on the open connections of the standalone server, so that it never runs out of file descriptors.

A newcomer beyond a bound takes the place of the oldest connection that waits for a request, or has sent half
of one; where every connection has a request under way, it is refused.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import cast

from aiohttp import web

from .error_responses import StandardError

_RESERVED = 384  # descriptors for the files of all edits, the log, the keys and connections to ComfyUI
_WANTED = 8192
# asyncio accepts as many at a time before it does anything else, and logs as many lines where it cannot.
_BACKLOG = 128
_REFUSED: StandardError = {"error": "Server busy: too many connections are open. Retry in a few seconds."}
_BODY = json.dumps(_REFUSED).encode()
_RESPONSE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 2\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of open files as far as is useful and allowed; returns the limit."""
    if sys.platform == "win32":  # sockets have no such limit there
        return _WANTED
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _WANTED:
        return _WANTED
    wanted = _WANTED if hard == resource.RLIM_INFINITY else min(_WANTED, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


class Connections:
    """The open connections of a server.

    Args:
        most: in all; fewer where the process may not open that many files.
        most_per_address: from one address.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = max(1, min(most, raise_descriptor_limit() - _RESERVED))
        self._most_per_address = min(most_per_address, self._most)
        self._busy: set[asyncio.BaseProtocol] = set()

    async def listen(self, server: web.Server, host: str, port: int) -> asyncio.Server:
        """Accept connections for `server`. Raises OSError: the address is not available."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Gate(self, server), host, port, backlog=_BACKLOG)

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Note which connections have a request under way."""
        protocol = request.protocol
        self._busy.add(protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(protocol)

    def admit(self, newcomer: asyncio.Transport, handlers: list[web.RequestHandler]) -> bool:
        """Return whether a new connection may stay beside the open ones; the oldest of them may go for it."""
        if len(handlers) < self._most_per_address:
            return True
        open_ones = [
            handler for handler in handlers if handler.transport and not handler.transport.is_closing()
        ]
        address = _address(newcomer)
        same = [handler for handler in open_ones if _address(handler.transport) == address]
        for group, most in ((same, self._most_per_address), (open_ones, self._most)):
            if len(group) >= most and not self._close_idle(group):
                return False
        return True

    def _close_idle(self, handlers: list[web.RequestHandler]) -> bool:
        for handler in handlers:
            if handler not in self._busy and handler.transport is not None:
                handler.transport.abort()
                return True
        return False


def _address(transport: asyncio.BaseTransport | None) -> str:
    peer = transport.get_extra_info("peername") if transport else None
    return str(peer[0]) if peer else ""


class _Gate(asyncio.Protocol):
    """The first protocol of a connection: hands it to aiohttp's, or refuses it."""

    def __init__(self, connections: Connections, server: web.Server) -> None:
        self._connections = connections
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        stream = cast(asyncio.Transport, transport)
        if self._connections.admit(stream, self._server.connections):
            handler = self._server()
            stream.set_protocol(handler)
            handler.connection_made(stream)
        else:
            stream.write(_RESPONSE)
            stream.close()
