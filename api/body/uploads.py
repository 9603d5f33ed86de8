"""Temporary files for what is sent: small ones in memory, others on disk without a name, so none stay."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import tempfile
from collections.abc import Callable, Coroutine
from functools import partial
from types import TracebackType
from typing import IO, Any

from ...pipelines.common.settings import Limits
from ...pipelines.sources.bounds import check_size
from ...pipelines.sources.source import UploadSource
from ..errors import BodyTooLarge, StorageFull

_IN_MEMORY = 256 * 1024
_AT_ONCE = 512 * 1024
_READ_AT_ONCE = 4
_PATIENCE_SECONDS = 0.02
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Upload:
    """Something on its way into a temporary file; written from a thread, half a megabyte at a time.

    Args:
        check: called with the size so far; raises what is wrong with it.
    """

    def __init__(self, file: IO[bytes], check: Callable[[int], None]) -> None:
        self.source = UploadSource(file)
        self.size = 0
        self._check = check
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        """Add to it.

        Raises:
            FileTooLarge, BodyTooLarge: it is larger than it may be.
            StorageFull: there is no room for it.
        """
        self.size += len(data)
        self._check(self.size)
        self._buffer += data
        if len(self._buffer) >= _AT_ONCE:
            await self.flush()

    async def flush(self) -> None:
        """Bring what is there into the file."""
        data, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self._into_file, data)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise StorageFull(
                "The server's disk is full, so the pictures cannot be received. Try again later.",
                retry_after=60,
            ) from None

    def _into_file(self, data: bytearray) -> None:
        self.source.file.write(data)
        self.source.file.flush()  # a disk that is full says so now, not when the picture is read


class TextUpload(Upload):
    """Text that is in memory once there is room for it: a JSON body, or a picture as text."""

    def take(self) -> bytes:
        """All of it; it is not kept any longer."""
        with self.source.file:
            return self.source.read()


class ReadThrottle:
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
    """The temporary files of one request, closed with it unless they are handed on.

    Args:
        max_text_bytes: of a `TextUpload`.
    """

    def __init__(self, limits: Limits, max_text_bytes: int) -> None:
        self._limits = limits
        self._max_text_bytes = max_text_bytes
        self._files: list[IO[bytes]] = []

    def _file(self) -> IO[bytes]:
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed by `__exit__`
        self._files.append(file)
        return file

    def new(self, name: str) -> Upload:
        """A file for a picture, called `name` in messages."""
        return Upload(self._file(), partial(check_size, limits=self._limits, name=name, at_least=True))

    def text(self) -> TextUpload:
        """A file for text."""
        return TextUpload(self._file(), self.check_text)

    def check_text(self, size: int) -> None:
        """Refuse text of more bytes than it may have.

        Raises:
            BodyTooLarge: it has.
        """
        if size > self._max_text_bytes:
            raise BodyTooLarge(
                "Request body exceeds the maximum allowed size of "
                f"{self._max_text_bytes / 1e6:.1f} MB for text. Send the pictures as files, in a form."
            )

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
            with contextlib.suppress(OSError):  # of the rest that found no room on the disk
                file.close()
