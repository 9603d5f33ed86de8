"""Bytes that wait on disk: a result until it is fetched."""

from __future__ import annotations

import asyncio
import tempfile
from typing import IO

from .errors import NotFound
from .temporary_files import storage_error


class StoredBytes:
    """Bytes in a temporary file without a name, which `close` deletes."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._reading = asyncio.Lock()
        self._closed = False
        self.size = size

    @classmethod
    async def write(cls, data: bytes) -> StoredBytes:
        """Write bytes. Raises StorageFull: the disk is full, or the folder cannot be written."""
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        except OSError as error:
            raise storage_error(error) from None
        try:
            await asyncio.to_thread(file.write, data)
            await asyncio.to_thread(file.flush)
        except OSError as error:
            file.close()
            raise storage_error(error) from None
        return cls(file, len(data))

    async def read(self) -> bytes:
        """Return them. Raises NotFound: they have been deleted."""
        async with self._reading:
            if self._closed:
                raise NotFound("The result has expired. Make the edit again.")
            data = await asyncio.to_thread(self._read)
        if self._closed:
            self._file.close()
        return data

    def _read(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def close(self) -> None:
        """Delete them, once nobody reads them any more."""
        self._closed = True
        if not self._reading.locked():
            self._file.close()
