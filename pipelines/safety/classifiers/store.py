"""Find, verify, download and remove the weights of classifiers. Without torch.

Nothing here opens a URL by itself: the caller passes a function that does.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from ...common.atomic_file import open_atomically
from ...common.errors import ClassifierMissing, FetchFailed, OutputError, WeightsMismatch
from ...common.validation import shown
from .specs import EMBEDDED_FILE, ClassifierSpec

WeightsState = Literal["absent", "wrong size", "present"]

_CHUNK = 1 << 20  # bytes


class ResponseBody(Protocol):
    """The body of an opened URL; `length` is its declared one, in bytes."""

    @property
    def length(self) -> int | None: ...

    def read(self, size: int, /) -> bytes: ...


OpenUrl = Callable[[str], AbstractContextManager[ResponseBody]]


@dataclass(frozen=True)
class Store:
    """Folders of classifiers.

    Args:
        folders: looked through in order; the first one is written to.
        allowed: sha256, lower-case hex, of files that the user trusts besides those of the specs.
    """

    folders: tuple[Path, ...]
    allowed: tuple[str, ...] = ()

    def path(self, spec: ClassifierSpec) -> Path:
        """Return where the weights are, or would be."""
        if spec.url is None:
            return EMBEDDED_FILE
        paths = [folder / spec.file for folder in self.folders]
        return next((path for path in paths if os.path.isfile(path)), paths[0])

    def state(self, spec: ClassifierSpec) -> WeightsState:
        """Return whether the file is there and has the right size, without reading it."""
        path = self.path(spec)
        if not os.path.isfile(path):
            return "absent"
        return "present" if self.allowed or path.stat().st_size == spec.size else "wrong size"

    def verify(self, spec: ClassifierSpec) -> str:
        """Read the weights and return their sha256, which is an allowed one.

        Raises:
            ClassifierMissing: the file cannot be read.
            WeightsMismatch: its sha256 is not allowed.
        """
        path = self.path(spec)
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise ClassifierMissing(f"{shown(path)} cannot be read: {error.strerror}.") from error
        if found != spec.sha256 and found not in self.allowed:
            raise WeightsMismatch(
                f"{shown(path)} has the sha256 {found}; expected {spec.sha256}. Remove it and download it "
                "again, or if you made it, add its sha256 to MULTIEDIT_SAFETY_ALLOWED."
            )
        return found

    def remove(self, spec: ClassifierSpec) -> Path | None:
        """Delete the weights and return their path; None where there are none.

        Raises:
            OutputError: they cannot be deleted, or are part of the package.
        """
        path = self.path(spec)
        if spec.url is None:
            raise OutputError(f"{spec.name} is part of multi-edit. Only downloaded weights can be removed.")
        try:
            path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OutputError(f"{shown(path)} cannot be removed: {error.strerror}.") from error
        return path

    def download(
        self,
        spec: ClassifierSpec,
        url: str,
        open_url: OpenUrl,
        progress: Callable[[int], None] = lambda count: None,
    ) -> Path:
        """Download the weights into a `.part` beside the file, check them, then rename it.

        Args:
            url: the spec's, or a mirror's; the bytes are checked all the same.
            progress: called with the number of bytes since the last call.

        Raises:
            FetchFailed: the download failed or was incomplete.
            WeightsMismatch: the size or sha256 is not the spec's.
            OutputError: the folder cannot be written to.
        """
        path = self.folders[0] / spec.file
        with open_atomically(path, parents=True) as part:
            with _download_errors(url), open_url(url) as body:
                if body.length not in (None, spec.size):
                    raise WeightsMismatch(_wrong_size(url, body.length, spec))
                found, size = _copy(body, part, spec.size, progress)
            if size < spec.size:
                raise FetchFailed(f"{shown(url)} ended after {size} of {spec.size} bytes. Try again.")
            if size > spec.size:
                raise WeightsMismatch(_wrong_size(url, size, spec))
            if found != spec.sha256:
                raise WeightsMismatch(
                    f"{shown(url)} delivered a file with the sha256 {found}; expected {spec.sha256}. "
                    "It was not kept."
                )
        return path


def _wrong_size(url: str, size: int | None, spec: ClassifierSpec) -> str:
    return f"{shown(url)} delivered {size} bytes; {spec.name} has {spec.size}. Nothing was kept; try again."


def _copy(body: ResponseBody, part: BinaryIO, most: int, progress: Callable[[int], None]) -> tuple[str, int]:
    """Copy at most a byte too many; return the sha256 and the number of bytes."""
    digest = hashlib.sha256()
    size = 0
    while size <= most and (chunk := body.read(min(_CHUNK, most + 1 - size))):
        digest.update(chunk)
        part.write(chunk)
        size += len(chunk)
        progress(len(chunk))
    return digest.hexdigest(), size


@contextlib.contextmanager
def _download_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(
            f"{shown(url)} could not be downloaded: {error}. Try again, or download the file by other means "
            "and put it where `multiedit safety list` says."
        ) from error
