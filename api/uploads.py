"""Temporary files for what is sent: small ones in memory, others on disk without a name, so none stay."""

from __future__ import annotations

import asyncio
import errno
import tempfile
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import IO, Any

from ..pipelines.limits import Limits
from ..pipelines.sources.bounds import check_size
from ..pipelines.sources.source import UploadSource
from .errors import StorageFull

_IN_MEMORY = 256 * 1024
_AT_ONCE = 512 * 1024
_READ_AT_ONCE = 4
_PATIENCE_SECONDS = 0.02
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Upload:
    """One picture on its way into a temporary file; written from a thread, half a megabyte at a time."""

    def __init__(self, file: IO[bytes], limits: Limits, name: str) -> None:
        self.source = UploadSource(file)
        self._limits = limits
        self._name = name
        self._size = 0
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        """Add to it.

        Raises:
            FileTooLarge: it is larger than a picture may be.
            StorageFull: there is no room for it.
        """
        self._size += len(data)
        check_size(self._size, self._limits, self._name, at_least=True)
        self._buffer += data
        if len(self._buffer) >= _AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Bring what is there into the file."""
        data, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self.source.file.write, data)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise StorageFull(
                "The server's disk is full, so the pictures cannot be received. Try again later.",
                retry_after=60,
            ) from None


class Turns:
    """A few uploads are read from at a time, in turns of a chunk: many at once would hold everybody else up.

    One whose sender is slow gives its turn up, and goes on without.
    """

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_READ_AT_ONCE)

    async def take(self, read: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """What `read` gives."""
        async with self._room:
            task = asyncio.ensure_future(read())
            try:
                await asyncio.wait([task], timeout=_PATIENCE_SECONDS)
            except asyncio.CancelledError:
                task.cancel()
                raise
        return await task


class Uploads:
    """The temporary files of one request, closed with it unless they are handed on."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._files: list[IO[bytes]] = []

    def new(self, name: str) -> Upload:
        """A file for a picture, called `name` in messages."""
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed by `__exit__`
        self._files.append(file)
        return Upload(file, self._limits, name)

    async def keep(self, data: bytes, name: str) -> UploadSource:
        """A picture that is there already."""
        upload = self.new(name)
        await upload.write(data)
        await upload.flush()
        return upload.source

    def __enter__(self) -> Uploads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()
