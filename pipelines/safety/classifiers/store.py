"""Find, verify, download and remove the weights of classifiers. Without torch.

Nothing here opens a URL by itself: the caller passes a function that does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from ...common.atomic_file import open_atomically
from ...common.command import command
from ...common.errors import ClassifierMissing, FetchFailed, OutputError, WeightsMismatch
from ...common.validation import shown
from .specs import EMBEDDED_FOLDER, ClassifierSpec

WeightsState = Literal["absent", "wrong size", "present"]

_BY_HAND = f"Try again, or download the file by other means and put it where {command('safety list')} says."


Download = Callable[[str, Callable[[int | None], None]], AsyncGenerator[bytes, None]]
"""(URL, check of the declared size) to the bytes as they come; `sources.download.download` is one."""


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
            return EMBEDDED_FOLDER / spec.file
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

    async def download(
        self,
        spec: ClassifierSpec,
        url: str,
        download: Download,
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

        def check(declared: int | None) -> None:
            if declared not in (None, spec.size):
                raise WeightsMismatch(_wrong_size(url, declared, spec))

        path = self.folders[0] / spec.file
        with open_atomically(path, parents=True) as part:
            try:
                async with aclosing(download(url, check)) as chunks:
                    found, size = await _copy(chunks, part, spec.size, progress)
            except FetchFailed as error:
                raise FetchFailed(f"{error.message} {_BY_HAND}") from None
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


async def _copy(
    chunks: AsyncGenerator[bytes, None], part: BinaryIO, most: int, progress: Callable[[int], None]
) -> tuple[str, int]:
    """Copy at most a byte too many; return the sha256 and the number of bytes."""
    digest = hashlib.sha256()
    size = 0
    async for received in chunks:
        chunk = received[: most + 1 - size]
        digest.update(chunk)
        part.write(chunk)
        size += len(chunk)
        progress(len(chunk))
        if size > most:
            break
    return digest.hexdigest(), size
