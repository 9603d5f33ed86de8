"""Download a large file from where its maker published it, so that a second try goes on where one ended."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp
from yarl import URL

from ..common.errors import FetchFailed, OutputError, WeightsMismatch
from ..common.http_reading import failure_reason
from ..common.validation import shown

_SECONDS = 30.0  # to connect, and without a byte
_CHUNK_BYTES = 1 << 20
_AGAIN = "Run the same command again: it goes on from there."
_SHA256 = re.compile('"?([0-9a-f]{64})"?')
_RANGE_TOTAL = re.compile(r"bytes \d+-\d+/(\d+)")


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
) -> Downloaded:
    """Download to TARGET.part, check size and published checksum, then rename it.

    The part stays where the download breaks off. Redirects are followed, the token being sent to the first
    host only; proxies of the environment are used.

    Args:
        url: at a hub that names a file's sha256 in the header X-Linked-Etag, as huggingface.co does.
        progress: called with the bytes since the last call, those of an earlier try first, and the size.

    Raises:
        FetchFailed: no connection, no permission, or the body is cut off.
        WeightsMismatch: the checksum differs; nothing is kept.
        OutputError: the folder cannot be written to, or the disk has no room.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            found, expected = await _receive(url, token, file, part, progress)
        if expected not in (None, found):
            part.unlink()
            raise WeightsMismatch(
                f"{shown(url)} delivered a file with the sha256 {found}; {expected} is published. It was not "
                "kept. Try again."
            )
        os.replace(part, target)
    except OSError as error:
        raise OutputError(f"{shown(target)} cannot be written: {error.strerror}.") from error
    return Downloaded(target, target.stat().st_size, found, expected is not None)


async def _receive(
    url: str, token: str, file: BinaryIO, part: Path, progress: Callable[[int, int], None]
) -> tuple[str, str | None]:
    """Append what is missing; return the sha256 of the whole and the published one."""
    there = file.tell()
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=None, connect=_SECONDS, sock_read=_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True, requote_redirect_url=False) as session,
            session.get(URL(url, encoded=True), headers=headers) as response,
        ):
            _check_status(url, response.status)
            expected = _published(response)
            if response.status == 416:  # nothing is missing, or the file there is shorter by now
                return _whole(url, response, file, part), expected
            return await _append(url, response, file, part, progress), expected
    except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError) as error:
        reason = failure_reason(error)
        raise FetchFailed(f"{shown(url)} could not be downloaded: {reason}. {_AGAIN}") from None


async def _append(
    url: str,
    response: aiohttp.ClientResponse,
    file: BinaryIO,
    part: Path,
    progress: Callable[[int, int], None],
) -> str:
    if response.status == 200:  # the server takes no ranges
        file.truncate(0)
        file.seek(0)
    there = file.tell()
    total = _total(response, there)
    _require_room(part, total - there)
    digest = _digest(part, there)
    progress(there, total)
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        file.write(chunk)
        digest.update(chunk)
        progress(len(chunk), total)
    if file.tell() != total:
        raise FetchFailed(f"{shown(url)} ended after {file.tell()} of {total} bytes. {_AGAIN}")
    return digest.hexdigest()


def _whole(url: str, response: aiohttp.ClientResponse, file: BinaryIO, part: Path) -> str:
    sizes = [hop.headers.get("X-Linked-Size") for hop in (*response.history, response)]
    if str(file.tell()) not in sizes:
        part.unlink()
        raise FetchFailed(f"{shown(url)} is another file than the one of the earlier try. {_AGAIN}")
    return _digest(part, file.tell()).hexdigest()


def _check_status(url: str, status: int) -> None:
    if status in (401, 403):
        raise FetchFailed(
            f"{shown(url)}: the server responded with {status}. Accept the licence at its page, and set "
            "HF_TOKEN to a token of your account."
        )
    if status not in (200, 206, 416):
        raise FetchFailed(f"{shown(url)}: the server responded with {status}, not 200.")


def _published(response: aiohttp.ClientResponse) -> str | None:
    for hop in (*response.history, response):
        if found := _SHA256.fullmatch(hop.headers.get("X-Linked-Etag", "")):
            return found[1]
    return None


def _total(response: aiohttp.ClientResponse, there: int) -> int:
    if found := _RANGE_TOTAL.fullmatch(response.headers.get("Content-Range", "")):
        return int(found[1])
    if response.content_length is None:
        raise FetchFailed(f"{shown(response.url)} does not say how large the file is.")
    return there + response.content_length


def _digest(part: Path, size: int) -> hashlib._Hash:
    """The hash of what an earlier try has left."""
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while size and (chunk := file.read(min(size, _CHUNK_BYTES))):
            digest.update(chunk)
            size -= len(chunk)
    return digest


def _require_room(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise OutputError(
            f"{shown(part.parent)} has {free / 1e9:.1f} GB free; {needed / 1e9:.1f} GB are needed. Make "
            "room, or name another folder by --models."
        )
