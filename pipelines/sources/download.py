"""Download a large file from a URL that the user of this machine chose: not guarded, no size of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

import aiohttp
from yarl import URL

from ..common.errors import FetchFailed
from ..common.http_reading import TRANSPORT_ERRORS, failure_reason
from ..common.validation import shown

_SECONDS = 30.0  # to connect, and without a byte
_CHUNK_BYTES = 1 << 20


async def download(url: str, check: Callable[[int | None], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes behind a URL as they come. Redirects are followed; proxies of the environment are used.

    Args:
        check: called once, with the declared size in bytes, or None; what it raises ends the download.

    Raises:
        FetchFailed: no connection, a status other than 200, or the body is cut off.
    """
    timeout = aiohttp.ClientTimeout(total=None, connect=_SECONDS, sock_read=_SECONDS)
    headers = {"Accept-Encoding": "identity"}
    try:
        async with (
            aiohttp.ClientSession(
                headers=headers, timeout=timeout, trust_env=True, requote_redirect_url=False
            ) as session,
            session.get(URL(url, encoded=True)) as response,
        ):
            if response.status != 200:
                raise FetchFailed(f"{shown(url)}: the server responded with {response.status}, not 200.")
            check(response.content_length)
            async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                yield chunk
    except (*TRANSPORT_ERRORS, ValueError) as error:  # ValueError: the URL itself
        reason = "it is not a valid URL" if isinstance(error, ValueError) else failure_reason(error)
        raise FetchFailed(f"{shown(url)} could not be downloaded: {reason}.") from None
