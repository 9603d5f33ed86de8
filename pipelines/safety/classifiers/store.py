"""Where the weights of classifiers lie, and how they get there. Without torch.

Nothing here opens an address by itself: whoever fetches hands in what opens one.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from ...common.errors import ClassifierMissing, FetchFailed, OutputError, WeightsMismatch
from .specs import EMBEDDED_FILE, ClassifierSpec

State = Literal["absent", "wrong size", "present"]

_CHUNK = 1 << 20  # bytes


class ResponseBody(Protocol):
    """What an opened address delivers; `length` is what it says of itself, in bytes."""

    @property
    def length(self) -> int | None: ...

    def read(self, size: int, /) -> bytes: ...


OpenAddress = Callable[[str], AbstractContextManager[ResponseBody]]


@dataclass(frozen=True)
class Store:
    """Folders of classifiers.

    Args:
        folders: looked through in order; the first one is written to.
        allowed: sha256, lower-case hex, of files that the user trusts besides the known ones.
    """

    folders: tuple[Path, ...]
    allowed: tuple[str, ...] = ()

    def path(self, known: ClassifierSpec) -> Path:
        """Where its weights are, or would be."""
        if known.address is None:
            return EMBEDDED_FILE
        paths = [folder / known.file for folder in self.folders]
        return next((path for path in paths if path.is_file()), paths[0])

    def state(self, known: ClassifierSpec) -> State:
        """What a look at the file says, without reading it."""
        path = self.path(known)
        if not path.is_file():
            return "absent"
        return "present" if self.allowed or path.stat().st_size == known.size else "wrong size"

    def verify(self, known: ClassifierSpec) -> str:
        """Read its weights; the sha256, which is one that may be loaded.

        Raises:
            ClassifierMissing: there are none.
            WeightsMismatch: they are others.
        """
        path = self.path(known)
        try:
            with path.open("rb") as file:
                found = _sha256(file)
        except OSError as error:
            raise ClassifierMissing(f"{path} cannot be read: {error.strerror}.") from error
        if found != known.sha256 and found not in self.allowed:
            raise WeightsMismatch(
                f"{path} has the sha256 {found}; expected {known.sha256}. Remove it and fetch it again, or "
                "if you made it, put its sha256 into MULTIEDIT_SAFETY_ALLOWED."
            )
        return found

    def remove(self, known: ClassifierSpec) -> Path | None:
        """Delete its weights; None where there are none.

        Raises:
            OutputError: they cannot be deleted, or are part of the package.
        """
        path = self.path(known)
        if known.address is None:
            raise OutputError(f"{known.name} is part of multi-edit. Only what was fetched can be removed.")
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(f"{path} cannot be removed: {error.strerror}.") from error
        return path

    def fetch(
        self,
        known: ClassifierSpec,
        address: str,
        open_address: OpenAddress,
        progress: Callable[[int], None] = lambda count: None,
    ) -> Path:
        """Fetch its weights: into a `.part` beside the file, checked, then renamed.

        Args:
            address: the known one, or a mirror's; the bytes are checked all the same.
            progress: called with the number of bytes that have come in since the last call.

        Raises:
            FetchFailed: they did not come, or not all of them.
            WeightsMismatch: they are not the known ones.
            OutputError: the folder cannot be written to.
        """
        path = self.folders[0] / known.file
        with _part_of(path) as part:
            with _delivering(address), open_address(address) as body:
                if body.length not in (None, known.size):
                    raise WeightsMismatch(_wrong_size(address, body.length, known))
                found, size = _copy(body, part, known.size, progress)
            if size < known.size:
                raise FetchFailed(f"{address} ended after {size} of {known.size} bytes. Try again.")
            if size > known.size:
                raise WeightsMismatch(_wrong_size(address, size, known))
            if found != known.sha256:
                raise WeightsMismatch(
                    f"{address} delivered a file with the sha256 {found}; expected {known.sha256}. "
                    "It was not kept."
                )
        return path


def _wrong_size(address: str, size: int | None, known: ClassifierSpec) -> str:
    return f"{address} delivered {size} bytes; {known.name} has {known.size}. Nothing was kept; try again."


def _copy(body: ResponseBody, part: BinaryIO, most: int, progress: Callable[[int], None]) -> tuple[str, int]:
    """Copy no more than a byte too many; the sha256 and the number of bytes."""
    digest = hashlib.sha256()
    size = 0
    while size <= most and (chunk := body.read(min(_CHUNK, most + 1 - size))):
        digest.update(chunk)
        part.write(chunk)
        size += len(chunk)
        progress(len(chunk))
    return digest.hexdigest(), size


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def _delivering(address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(
            f"{address} did not deliver: {error}. Try again; or download the file by other means and put it "
            "where `multiedit safety list` says."
        ) from error


@contextlib.contextmanager
def _part_of(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the path's place when the block ends well, and is gone when it does not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(suffix=".part", prefix=f"{path.stem}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as part:
                yield part
            os.chmod(name, 0o644)  # mkstemp keeps it to its owner
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}.") from error
