"""The unfinished file of a download: TARGET.part, what tells its version beside it, and a lock on both."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from ..common.errors import OutputError
from ..common.validation import shown

_CHUNK_BYTES = 1 << 20


class PartFile:
    """What an earlier try has left of a file, open to be continued.

    Attributes:
        path: of the bytes, TARGET.part.
        size: bytes that are there.
    """

    def __init__(self, target: Path, file: BinaryIO) -> None:
        self.path = _beside(target, "part")
        self._version = _beside(target, "part.version")
        self._file = file
        self.size = file.tell()

    @property
    def version(self) -> str:
        """The published sha256 or the ETag of the file that the bytes are of; "" where it had neither."""
        return self._version.read_text("utf-8") if self._version.exists() else ""

    def begin(self, version: str) -> None:
        """Drop what is there, for a file of this version."""
        self._file.truncate(0)  # what is written next goes to the end, wherever that is
        self.size = 0
        self._version.write_text(version, "utf-8")

    def append(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

    def digest(self) -> hashlib._Hash:
        """The sha256 of what is there."""
        self._file.flush()
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
        return digest

    def drop(self) -> None:
        """Delete it, when it is closed: a file that is open cannot be deleted on Windows."""
        self.path.unlink()
        self._version.unlink(missing_ok=True)

    def rename(self, target: Path) -> None:
        """Give it the name of the whole file, when it is closed."""
        self.path.replace(target)
        self._version.unlink(missing_ok=True)


@contextlib.contextmanager
def open_part(target: Path) -> Iterator[PartFile]:
    """Open what there is of a file, for more of it; closed it can be renamed or dropped."""
    with _beside(target, "part").open("ab") as file:
        yield PartFile(target, file)


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keep other programs from downloading the same file meanwhile.

    Raises:
        OutputError: one is at it.
    """
    path = _beside(target, "part.lock")
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise OutputError(
            f"{shown(target)} is being downloaded by another program. Wait until that has ended."
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):  # Windows deletes no open file; there filelock does it
            path.unlink(missing_ok=True)
        lock.release()


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(f"{target.name}.{ending}")
