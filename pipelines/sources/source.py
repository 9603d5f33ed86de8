"""The sources of images, and the loader that turns each kind of source into bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, TypeAlias

from ..common.errors import FetchRefused, InvalidImage, MultiEditError
from ..common.settings import Limits
from .bounds import check_size
from .files import read_file
from .text import decode_text, is_url


@dataclass(frozen=True)
class FileSource:
    """A file on this machine. For entry points whose user may read it: never built from an HTTP request."""

    path: str | os.PathLike[str]


@dataclass(frozen=True)
class TextSource:
    """Base64, a data URL or an http or https URL."""

    text: str = field(repr=False)


@dataclass(frozen=True)
class BytesSource:
    """The file's own bytes: an upload, or standard input."""

    data: bytes = field(repr=False)


@dataclass(frozen=True)
class UploadSource:
    """A file's bytes in a temporary file, for what waits before it is read; whoever made it closes it."""

    file: IO[bytes] = field(repr=False)

    def read(self) -> bytes:
        self.file.seek(0)
        return self.file.read()


ImageSource: TypeAlias = FileSource | TextSource | BytesSource | UploadSource
Fetch: TypeAlias = Callable[[str, str], Awaitable[bytes]]
"""(url, name) to the bytes behind the URL; `ImageFetcher.fetch` is the one that is safe."""


async def refuse_url(url: str, name: str) -> bytes:
    """A `Fetch` for callers that fetch nothing."""
    raise FetchRefused(f"{name} is a URL, and none is fetched here. Give a file.")


class SourceLoader:
    """Loads sources into memory; nothing is decoded as an image here.

    Args:
        limits: `max_file_bytes` bounds every source.
        fetch: gets a URL; called for nothing else, so a caller may import aiohttp inside it.
    """

    def __init__(self, limits: Limits, fetch: Fetch) -> None:
        self._limits = limits
        self._fetch = fetch

    async def load_all(self, sources: Sequence[ImageSource]) -> list[bytes]:
        """Load all at the same time; messages call them "image 1", "image 2" and so on."""
        named = {f"image {number}": source for number, source in enumerate(sources, start=1)}
        return list((await self.load_named(named)).values())

    async def load_named(self, sources: Mapping[str, ImageSource]) -> dict[str, bytes]:
        """Load all at the same time, by the names that messages call them.

        Where several fail, the error is the first image's, so that the same request gets the same response.
        """
        jobs = (self.load(source, name) for name, source in sources.items())
        results = await asyncio.gather(*jobs, return_exceptions=True)
        loaded = {}
        for name, result in zip(sources, results, strict=True):
            if isinstance(result, BaseException):
                raise result
            loaded[name] = result
        return loaded

    async def load(self, source: ImageSource, name: str) -> bytes:
        """The file's bytes: at least 1, fewer than `limits.max_file_bytes`.

        Raises:
            InvalidImage: empty, unreadable, or text that is neither URL, data URL nor base64.
            FileTooLarge: not smaller than the limit.
            FetchError: the URL is not fetched, or the server did not deliver.
        """
        try:
            data = await self._bytes_of(source, name)
            if not data:
                raise InvalidImage(f"{name} is empty (0 bytes). Send an image.")
        except MultiEditError as error:
            raise error.copy_with(field="images") from error
        return data

    async def _bytes_of(self, source: ImageSource, name: str) -> bytes:
        if isinstance(source, (BytesSource, UploadSource)):
            data = source.data if isinstance(source, BytesSource) else await asyncio.to_thread(source.read)
            check_size(len(data), self._limits, name)
            return data
        if isinstance(source, FileSource):
            return await asyncio.to_thread(read_file, source.path, self._limits, name)
        if is_url(source.text):
            return await self._fetch(source.text, name)
        return await asyncio.to_thread(decode_text, source.text, self._limits, name)
