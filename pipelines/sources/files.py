"""Read an image file, and nothing but a file: no device, pipe or directory, and never more than fits."""

from __future__ import annotations

import os
import stat

from ..common.errors import InvalidImage
from ..common.settings import Limits
from ..common.validation import shown
from .bounds import check_size

_KINDS = (
    (stat.S_ISDIR, "a directory, not a file"),
    (stat.S_ISFIFO, "a named pipe, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
)


def read_file(path: str | os.PathLike[str], limits: Limits, name: str) -> bytes:
    """The bytes of a regular file; symbolic links are followed.

    Raises:
        InvalidImage: it does not exist, may not be read or is not a regular file.
        FileTooLarge: it is not smaller than `limits.max_file_bytes`; found out without reading it.
    """
    try:
        # Asked before opening: opening a pipe waits for a writer, opening a device may act on it.
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            kind = next((kind for test, kind in _KINDS if test(status.st_mode)), "not a regular file")
            raise InvalidImage(f"{name} ({shown(path)}) is {kind}. Give the path of an image.")
        check_size(status.st_size, limits, name)
        with open(path, "rb") as file:
            data = file.read(limits.max_file_bytes)
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidImage(f"{name} ({shown(path)}) does not exist. Check the path.") from None
    except PermissionError:
        raise InvalidImage(f"{name} ({shown(path)}) may not be read. Change its permissions.") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidImage(f"{name} ({shown(path)}) cannot be read: {reason}. Check the path.") from None
    check_size(len(data), limits, name, at_least=True)  # it grew since
    return data
