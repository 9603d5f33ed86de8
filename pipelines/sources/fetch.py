"""Fetch an image from a URL that a stranger has written.

Only public addresses are fetched from. A host name is resolved once for each hop, every address is
judged, and the connection is made to those addresses, so that a name that changes its address in between
gains nothing. Redirects are followed by hand, and each is judged like the first URL. Nothing is taken
from the environment (proxies, .netrc), and no cookie is sent. The server's certificate is always verified.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import TypeAlias

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ..common.errors import FetchFailed, FetchRefused
from ..common.http_reading import TRANSPORT_ERRORS, failure_reason, read_body
from ..common.settings import Limits
from ..common.validation import shown
from .addresses import IPAddress, may_fetch
from .bounds import check_size
from .urls import Target, first_target, next_target

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to IP addresses as text; raises OSError where the name has none."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_COMPRESSIONS = frozenset({"gzip", "x-gzip", "deflate", "compress", "x-compress", "br", "zstd"})
_HEADERS = {
    "User-Agent": "multi-edit (+https://github.com/multi-edit/multi-edit)",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
}
# A name that no server answers for holds its thread for half a minute; all else goes on in other threads.
_LOOK_UPS = ThreadPoolExecutor(64, thread_name_prefix="look-up")
_ADVICE = "Check the URL, or send the image itself."


async def resolve_host(host: str, port: int) -> list[str]:
    """The system's addresses of a host name, IPv4 and IPv6."""
    # As bytes, since str would go through the idna codec, which raises for long labels.
    look_up = partial(socket.getaddrinfo, host.encode("ascii"), port, type=socket.SOCK_STREAM)
    found = await asyncio.get_running_loop().run_in_executor(_LOOK_UPS, look_up)
    return [str(entry[4][0]) for entry in found]


class ImageFetcher:
    """Gets images over http and https, guarded as the module says.

    Args:
        limits: `max_file_bytes`, `fetch_redirects`, `fetch_seconds`, `fetch_connect_seconds`, and
            `fetch_allowed_hosts`, whose private addresses are allowed.
        resolve: host name to addresses.
        tls: verifies servers; None for the system's certificates.
    """

    def __init__(
        self, limits: Limits, resolve: Resolve = resolve_host, tls: ssl.SSLContext | None = None
    ) -> None:
        self._limits = limits
        self._resolve = resolve
        self._tls = tls

    async def fetch(self, url: str, name: str) -> bytes:
        """The body behind the URL, fewer than `limits.max_file_bytes` bytes.

        Messages name the image (`name`) and the URL's host; never its path, query or address.

        Raises:
            FetchRefused: the URL, or one that it redirects to, must not be fetched.
            FetchFailed: no such host, no connection, no valid response, a status other than 200, a body
                that is compressed or cut short, too many redirects, or not all there after
                `limits.fetch_seconds`, redirects included.
            FileTooLarge: the body is too large, by what the server says or by what it sends.
        """
        target = first_target(url, name)
        subject = f"{name} ({shown(target.host)})"
        seconds = self._limits.fetch_seconds
        try:
            return await asyncio.wait_for(self._follow(target, subject), seconds)
        except asyncio.TimeoutError:
            raise FetchFailed(
                f"{subject}: the server did not deliver the file within {seconds:g} s. "
                "Try again later, or send the image itself. MULTIEDIT_FETCH_SECONDS sets the limit."
            ) from None

    async def _follow(self, target: Target, subject: str) -> bytes:
        for _ in range(self._limits.fetch_redirects + 1):
            found = await self._hop(target, subject)
            if isinstance(found, bytes):
                return found
            target = found
        raise FetchFailed(
            f"{subject}: more than {self._limits.fetch_redirects} redirects. "
            "Give the URL that they lead to, or send the image itself. "
            "MULTIEDIT_FETCH_REDIRECTS sets the limit."
        )

    async def _hop(self, target: Target, subject: str) -> bytes | Target:
        """One request: the body, or where the server redirects to."""
        try:
            addresses = await self._addresses(target, subject)
            async with (
                self._session(addresses) as session,
                session.get(target.url, allow_redirects=False) as response,
            ):
                if response.status in _REDIRECTS:
                    return next_target(target.url, response.headers.get("Location"), subject)
                return await self._body(response, subject)
        except aiohttp.ServerTimeoutError:
            raise self._too_slow_to_connect(subject) from None
        except TRANSPORT_ERRORS as error:
            raise FetchFailed(f"{subject}: {failure_reason(error)}. {_ADVICE}") from None

    async def _addresses(self, target: Target, subject: str) -> list[IPAddress]:
        """All addresses of the target's host, each of them judged.

        Every one has to pass: which of them would be connected to is the network's choice.
        """
        if target.literal is None:
            found = await self._look_up(target.host, target.port, subject)
        else:
            found = [target.literal]
        allowed = target.host.rstrip(".") in self._limits.fetch_allowed_hosts
        if not all(may_fetch(address, allow_private=allowed) for address in found):
            raise FetchRefused(
                f"{subject}: the host, or one that it redirects to, is not at a public address, and only "
                "those are fetched. Send the image itself, or have the operator add the host to "
                "MULTIEDIT_FETCH_ALLOWED_HOSTS."
            )
        return found

    async def _look_up(self, host: str, port: int, subject: str) -> list[IPAddress]:
        try:
            found = await asyncio.wait_for(self._resolve(host, port), self._limits.fetch_connect_seconds)
        except asyncio.TimeoutError:
            raise self._too_slow_to_connect(subject) from None
        except OSError:
            found = ()
        if not found:
            raise FetchFailed(f"{subject}: the host name was not found. {_ADVICE}")
        return [ip_address(each) for each in found]

    def _session(self, addresses: Sequence[IPAddress]) -> aiohttp.ClientSession:
        """A session for one hop, so that neither connections nor cookies outlive it."""
        connector = aiohttp.TCPConnector(
            resolver=_Pinned(addresses), use_dns_cache=False, force_close=True, ssl=self._tls or True
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            timeout=aiohttp.ClientTimeout(connect=self._limits.fetch_connect_seconds),
            trust_env=False,
            auto_decompress=False,  # a few KB could become gigabytes
        )

    async def _body(self, response: aiohttp.ClientResponse, subject: str) -> bytes:
        if response.status != 200:
            raise FetchFailed(f"{subject}: the server responded with {response.status}, not 200. {_ADVICE}")
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding in _COMPRESSIONS:
            raise FetchFailed(
                f"{subject}: the server sent the file compressed ({encoding}), which was not asked for. "
                "Send the image itself."
            )
        return await read_body(
            response, lambda size, so_far: check_size(size, self._limits, subject, at_least=so_far)
        )

    def _too_slow_to_connect(self, subject: str) -> FetchFailed:
        return FetchFailed(
            f"{subject}: no connection within {self._limits.fetch_connect_seconds:g} s. "
            "Try again later, or send the image itself. MULTIEDIT_FETCH_CONNECT_SECONDS sets the limit."
        )


class _Pinned(AbstractResolver):
    """Resolves to the addresses that have been judged, whatever the name."""

    def __init__(self, addresses: Sequence[IPAddress]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Nothing to release."""
