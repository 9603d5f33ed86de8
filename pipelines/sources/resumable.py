"""Download a large file from where its maker published it, so that a second try goes on where one ended."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from ..common.errors import FetchFailed, OutputError, WeightsMismatch
from ..common.http_reading import failure_reason
from ..common.validation import shown
from .part_file import PartFile, locked, open_part

_SECONDS = 30.0  # to connect, and without a byte
_CHUNK_BYTES = 1 << 20
_AGAIN = "Run the same command again: it goes on from there, if the file is still the same."
_SHA256 = re.compile('"?([0-9a-f]{64})"?')
_ETAG = re.compile('"[!#-~]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


@dataclass(frozen=True)
class Downloaded:
    """A finished download; `sha256` was compared where one is published, else `published` is False."""

    path: Path
    size: int
    sha256: str
    published: bool


async def download_file(
    url: str,
    target: Path,
    token: str = "",
    progress: Callable[[int, int], None] = lambda count, total: None,
    *,
    replace: bool = False,
) -> Downloaded:
    """Download to TARGET.part, check size and published checksum, then rename it.

    The part stays where the download breaks off, and is continued where the server tells by a sha256 or an
    ETag that it is of the same file. Redirects are followed, the token being sent to the first server only;
    proxies of the environment are used.

    Args:
        url: at a hub that names a file's sha256 in the header X-Linked-Etag, as huggingface.co does.
        token: goes before what a .netrc has for the server.
        progress: called with the bytes since the last call, those of an earlier try first, and the size.
        replace: a file of that name.

    Raises:
        FetchFailed: no connection, no permission, or the body is cut off.
        WeightsMismatch: the checksum differs; nothing is kept.
        OutputError: there is a file of that name, another program downloads it, the folder cannot be written
            to, or the disk has no room.
    """
    _require_new(target, replace)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with locked(target):
            return await _download(url, target, token, progress, replace)
    except OSError as error:
        raise OutputError(f"{shown(target)} cannot be written: {error.strerror}.") from error


async def _download(
    url: str, target: Path, token: str, progress: Callable[[int, int], None], replace: bool
) -> Downloaded:
    with open_part(target) as part:
        found, expected = await _receive(url, token, part, progress)
    if expected not in (None, found):
        part.drop()
        raise WeightsMismatch(
            f"{shown(url)} delivered a file with the sha256 {found}; {expected} is published. It was not "
            "kept. Try again."
        )
    _require_new(target, replace)
    part.rename(target)
    return Downloaded(target, part.size, found, expected is not None)


def _require_new(target: Path, replace: bool) -> None:
    if not replace and os.path.lexists(target):
        raise OutputError(f"{shown(target)} exists. Move it away, or pass --replace.")


async def _receive(
    url: str, token: str, part: PartFile, progress: Callable[[int, int], None]
) -> tuple[str, str | None]:
    """Append what is missing; return the sha256 of the whole and the published one."""
    timeout = aiohttp.ClientTimeout(total=None, connect=_SECONDS, sock_read=_SECONDS)
    address = URL(url, encoded=True)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout,
            headers={"Accept-Encoding": "identity"},
            middlewares=_bearer(address, token),
            trust_env=True,
            requote_redirect_url=False,
        ) as session:
            if part.size:
                async with session.get(address, headers=_rest(part)) as response:
                    _check_status(url, response.status, 200, 206, 416)
                    if _is_whole(response, part):
                        return part.digest().hexdigest(), _published(response)
                    if response.status == 200 or _continues(response, part):
                        return await _append(url, response, part, progress), _published(response)
            async with session.get(address) as response:
                _check_status(url, response.status, 200)
                return await _append(url, response, part, progress), _published(response)
    except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError) as error:
        reason = failure_reason(error)
        raise FetchFailed(f"{shown(url)} could not be downloaded: {reason}. {_AGAIN}") from None


def _bearer(hub: URL, token: str) -> tuple[aiohttp.ClientMiddlewareType, ...]:
    """Send the token to the hub alone, in place of the password that aiohttp finds in a .netrc."""

    async def authorize(
        request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if request.url.origin() == hub.origin():
            request.headers["Authorization"] = f"Bearer {token}"
        return await send(request)

    return (authorize,) if token else ()


def _rest(part: PartFile) -> dict[str, str]:
    """Ask for what is missing or, where the ETag of the file has changed, for all of it."""
    ranged = {"Range": f"bytes={part.size}-"}
    return ranged | ({"If-Range": part.version} if part.version.startswith('"') else {})


def _is_whole(response: aiohttp.ClientResponse, part: PartFile) -> bool:
    """Return whether there is no rest because nothing is missing, not because the file is shorter by now."""
    sizes = [hop.headers.get("X-Linked-Size") for hop in (*response.history, response)]
    return response.status == 416 and str(part.size) in sizes and _is_same(response, part)


def _continues(response: aiohttp.ClientResponse, part: PartFile) -> bool:
    """Return whether a response is the rest of the file of which the part is."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == part.size and _is_same(response, part)


def _is_same(response: aiohttp.ClientResponse, part: PartFile) -> bool:
    """Return whether the versions agree; of a part without one the published sha256 tells at the end."""
    return part.version == _version(response) if part.version else bool(_published(response))


async def _append(
    url: str, response: aiohttp.ClientResponse, part: PartFile, progress: Callable[[int, int], None]
) -> str:
    """Append a body; with the status 200 it is the whole file, and replaces what there is."""
    if response.status == 200:
        part.begin(_version(response))
    total = _total(response)
    _require_room(part.path, total - part.size)
    digest = part.digest()
    progress(part.size, total)
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        part.append(chunk)
        digest.update(chunk)
        progress(len(chunk), total)
    if part.size != total:
        raise FetchFailed(f"{shown(url)} ended after {part.size} of {total} bytes. {_AGAIN}")
    return digest.hexdigest()


def _version(response: aiohttp.ClientResponse) -> str:
    """What tells a file from its next version: the published sha256, else a strong ETag, else ""."""
    strong = _ETAG.fullmatch(response.headers.get("ETag", ""))
    return _published(response) or (strong[0] if strong else "")


def _check_status(url: str, status: int, *allowed: int) -> None:
    if status in (401, 403):
        raise FetchFailed(
            f"{shown(url)}: the server responded with {status}. Accept the licence at its page, and set "
            "HF_TOKEN to a token of your account."
        )
    if status not in allowed:
        raise FetchFailed(f"{shown(url)}: the server responded with {status}, not 200.")


def _published(response: aiohttp.ClientResponse) -> str | None:
    for hop in (*response.history, response):
        if found := _SHA256.fullmatch(hop.headers.get("X-Linked-Etag", "")):
            return found[1]
    return None


def _total(response: aiohttp.ClientResponse) -> int:
    if found := _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "")):
        return int(found[2])
    if response.content_length is None:
        raise FetchFailed(f"{shown(response.url)} does not say how large the file is.")
    return response.content_length


def _require_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise OutputError(
            f"{shown(part.parent)} has {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed. Make "
            "room, or name another folder by --models."
        )
