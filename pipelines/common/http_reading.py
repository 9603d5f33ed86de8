"""Read HTTP responses up to a limit, and say in plain words why one did not come.

The library's own texts are never shown: they carry addresses, and URLs with their passwords and queries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

TRANSPORT_ERRORS = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What a request may raise because of the network or the other side."""

_CHUNK_BYTES = 65_536
# The first that fits, and whether nothing was sent then.
_REASONS: tuple[tuple[type[Exception], str, bool], ...] = (
    (aiohttp.ClientConnectorCertificateError, "the server's certificate is not valid", True),
    (aiohttp.ClientSSLError, "no TLS connection could be made", True),
    (aiohttp.ClientConnectorDNSError, "the host name was not found", True),
    (aiohttp.ConnectionTimeoutError, "no connection in time", True),
    (aiohttp.ClientConnectorError, "the server cannot be reached", True),
    (aiohttp.InvalidURL, "the address is not valid", True),
    (aiohttp.ClientPayloadError, "the response was cut off", False),
    (aiohttp.ClientResponseError, "the response is not valid HTTP", False),
    (asyncio.TimeoutError, "no response in time", False),
    (Exception, "the connection was closed without a response", False),
)


def failure_reason(error: Exception) -> str:
    """Return why a request failed, as half a sentence; for `TRANSPORT_ERRORS`."""
    return next(reason for kind, reason, _ in _REASONS if isinstance(error, kind))


def nothing_was_sent(error: Exception) -> bool:
    """Return whether a request failed before any of it was sent."""
    return next(unsent for kind, _, unsent in _REASONS if isinstance(error, kind))


async def read_body(response: aiohttp.ClientResponse, check: Callable[[int, bool], None]) -> bytes:
    """Read the whole body, as it is sent.

    Args:
        check: raises for a size in bytes that is too large. Called with the size that the header says and
            False, and with what has been read so far and True.
    """
    check(response.content_length or 0, False)
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        check(len(body), True)
    return bytes(body)
