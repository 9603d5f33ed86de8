"""The folder of temporary files, where uploads and results wait: full, read-only or gone."""

from __future__ import annotations

import errno
import logging
import tempfile

from .errors import StorageFull

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RETRY_SECONDS = 60
_logger = logging.getLogger(__name__)


def storage_error(error: OSError) -> StorageFull:
    """The error for callers of a temporary file that cannot be written; the log has the system's own."""
    if error.errno in _DISK_FULL:
        return StorageFull("The server's disk is full. Retry later.", retry_after=_RETRY_SECONDS)
    _logger.error("temporary files cannot be written: %s", error)
    return StorageFull(
        "The server cannot write its temporary files. Ask its owner, or retry later.",
        retry_after=_RETRY_SECONDS,
    )


def check_temporary_files() -> None:
    """Write a temporary file. Raises StorageFull: none can be written."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"multi-edit")
            file.flush()
    except OSError as error:
        raise storage_error(error) from None
