"""Bytes that wait on disk: a result until it is fetched."""

from __future__ import annotations

import asyncio
import tempfile
from typing import IO

from .body.uploads import raise_if_disk_full
from .errors import NotFound


class StoredBytes:
    """Bytes in a temporary file without a name, which `close` deletes."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._reading = asyncio.Lock()
        self._closed = False
        self.size = size

    @classmethod
    async def write(cls, data: bytes) -> StoredBytes:
        """Write bytes. Raises StorageFull: the disk is full."""
        file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        try:
            await asyncio.to_thread(file.write, data)
            await asyncio.to_thread(file.flush)
        except OSError as error:
            file.close()
            raise_if_disk_full(error)
            raise
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
