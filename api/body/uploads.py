"""Temporary files for uploads: small ones in memory, others on disk without a name, so none stay."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Coroutine
from functools import partial
from typing import IO, Any

from ...pipelines.common.settings import Limits
from ...pipelines.sources.bounds import check_size
from ...pipelines.sources.source import UploadSource
from ..errors import BodyTooLarge
from ..temporary_files import storage_error

_MEMORY_BYTES = 256 * 1024
_WRITE_BYTES = 512 * 1024
_READS_AT_ONCE = 4
_SLOW_SECONDS = 0.02


class Upload:
    """An upload to a temporary file, written in a thread, half a megabyte at a time.

    Args:
        check: called with the size so far; raises an error when it is too large.
    """

    def __init__(self, file: IO[bytes], check: Callable[[int], None]) -> None:
        self.source = UploadSource(file)
        self.size = 0
        self._check = check
        self._buffer = bytearray()

    async def write(self, data: bytes) -> None:
        """Append data.

        Raises:
            FileTooLarge, BodyTooLarge: the upload is over its limit.
            StorageFull: the disk is full, or the folder cannot be written.
        """
        self.size += len(data)
        self._check(self.size)
        self._buffer += data
        if len(self._buffer) >= _WRITE_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Write the buffer to the file."""
        data, self._buffer = self._buffer, bytearray()
        try:
            await asyncio.to_thread(self._write_file, data)
        except OSError as error:
            raise storage_error(error) from None

    def _write_file(self, data: bytearray) -> None:
        self.source.file.write(data)
        self.source.file.flush()  # a full disk fails here, not when the image is read


class TextUpload(Upload):
    """An upload of text that is loaded later: a JSON body, or an image as text."""

    def take(self) -> bytes:
        """Return all bytes, and close the file."""
        with self.source.file:
            return self.source.read()


class ReadThrottle:
    """Lets a few uploads be read at a time, a chunk each: more would delay all other requests."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(_READS_AT_ONCE)

    def reads(self, read_chunk: Callable[[], Coroutine[Any, Any, bytes]]) -> UploadReads:
        """Make the reads of one upload."""
        return UploadReads(self._slots, read_chunk)


class UploadReads:
    """The reads of one upload, chunk by chunk.

    A slow sender's read loses its slot, and goes on without one, as does the next: those who trickle would
    else take all slots in turn, for nothing.
    """

    def __init__(
        self, slots: asyncio.Semaphore, read_chunk: Callable[[], Coroutine[Any, Any, bytes]]
    ) -> None:
        self._slots = slots
        self._read_chunk = read_chunk
        self._slow = False

    async def next(self) -> bytes:
        """Return the next chunk; nothing at the end."""
        if not self._slow:
            return await self._throttled()
        clock = asyncio.get_running_loop().time
        started = clock()
        chunk = await self._read_chunk()
        self._slow = clock() - started > _SLOW_SECONDS
        return chunk

    async def _throttled(self) -> bytes:
        async with self._slots:
            task = asyncio.ensure_future(self._read_chunk())
            try:
                done, _ = await asyncio.wait([task], timeout=_SLOW_SECONDS)
            except asyncio.CancelledError:
                task.cancel()
                raise
        self._slow = not done
        return await task


class Uploads:
    """The temporary files of one request, deleted when it is closed.

    Args:
        max_text_bytes: the limit of a `TextUpload`.
    """

    def __init__(self, limits: Limits, max_text_bytes: int) -> None:
        self._limits = limits
        self._max_text_bytes = max_text_bytes
        self._files: list[IO[bytes]] = []

    def _file(self) -> IO[bytes]:
        file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115  # closed by `close`
        self._files.append(file)
        return file

    def new(self, name: str) -> Upload:
        """Make a file for an image, called `name` in messages."""
        return Upload(self._file(), partial(check_size, limits=self._limits, name=name, at_least=True))

    def text(self) -> TextUpload:
        """Make a file for text."""
        return TextUpload(self._file(), self.check_text)

    def check_text(self, size: int) -> None:
        """Check the size of a text in bytes.

        Raises:
            BodyTooLarge: it is over the limit.
        """
        if size > self._max_text_bytes:
            raise BodyTooLarge(
                "Request body exceeds the maximum allowed size of "
                f"{self._max_text_bytes / 1e6:.1f} MB for text. Send the images as files in a form."
            )

    async def store(self, data: bytes, name: str) -> UploadSource:
        """Store an image that is in memory."""
        upload = self.new(name)
        await upload.write(data)
        await upload.flush()
        return upload.source

    def close(self) -> None:
        """Delete the files."""
        for file in self._files:
            with contextlib.suppress(OSError):  # the disk is full, and the buffer cannot be written
                file.close()
