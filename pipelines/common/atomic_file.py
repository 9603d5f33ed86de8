"""Write files that are there whole or not at all.

A symbolic link is written through: the file that it leads to is replaced or made, and the link stays.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from .errors import OutputError
from .validation import shown


def write_atomically(path: str | os.PathLike[str], data: bytes, *, mode: int = 0o666) -> None:
    """Write a file that is there whole or not at all. Takes and raises what `open_atomically` does."""
    with open_atomically(path, mode=mode) as file:
        file.write(data)


@contextlib.contextmanager
def open_atomically(
    path: str | os.PathLike[str], *, parents: bool = False, mode: int = 0o666
) -> Iterator[BinaryIO]:
    """Open a file that replaces one of its name when the block succeeds, and is deleted when it fails.

    The bytes go to a temporary name in the same folder (that of what a link leads to), to disk, and are then
    renamed.

    Args:
        parents: create the folders above it where they are missing.
        mode: the permissions from the first byte on, less the umask.

    Raises:
        OutputError: the folder is missing, not writable, or full, or the name is a device's, a pipe's or the
            like, which the new file would take the place of. Nothing is left behind.
    """
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise OutputError(f"{shown(path)} is a device or a pipe, not a file. Name another output.")
    target = final_path(path)
    temporary = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        if parents:
            target.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(temporary.unlink, missing_ok=True)
            with open(temporary, "xb", opener=partial(os.open, mode=mode)) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"{shown(path)} cannot be written: {_reason(error, target)}") from error


def final_path(path: str | os.PathLike[str]) -> Path:
    """The path that a file is written to: what a symbolic link leads to, whether it is there or not.

    Raises:
        OutputError: the links lead in a circle.
    """
    if not os.path.islink(path):
        return Path(path)
    target = Path(os.path.realpath(path))
    if os.path.islink(target):
        raise OutputError(f"{shown(path)} is a symbolic link that leads to itself. Name another output.")
    return target


def is_stream(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a pipe's or a character device's, such as /dev/stdout: nothing to replace."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


_REASONS: dict[int, str] = {
    errno.ENOENT: "the folder {folder} does not exist. Create it, or name another output.",
    errno.ENOTDIR: "{folder} is not a folder. Name another output.",
    errno.EISDIR: "it is a folder. Name a file in it.",
    errno.EACCES: "the folder {folder} does not let this user write. Name another output.",
    errno.EPERM: "the folder {folder} does not let this user write. Name another output.",
    errno.EROFS: "the folder {folder} is read-only. Name another output.",
    errno.ENOSPC: "the disk is full. Free some space, or name an output elsewhere.",
    errno.EDQUOT: "the disk quota is used up. Free some space, or name an output elsewhere.",
    errno.ENAMETOOLONG: "the name is too long. Name a shorter one.",
}


def _reason(error: OSError, target: Path) -> str:
    known = _REASONS.get(error.errno or 0)
    if known is None:
        return f"{error.strerror}. Name another output."
    return known.format(folder=shown(target.parent))
