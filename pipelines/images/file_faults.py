"""What the readers raise for files that are whole but not taken, or not whole."""

from __future__ import annotations


class UnsupportedKind(ValueError):
    """A file is of a kind that is not taken; the message goes on after the image's name."""


class MissingPixels(ValueError):
    """A file ends before its last pixel; the message says what is missing."""


SEVERAL_FRAMES = "has several frames: the first is used"
"""The remark on a file of a moving picture."""


def missing_rows(there: int, rows: int) -> MissingPixels:
    """The error of an image of which only the first rows are there."""
    missing = rows - there
    return MissingPixels(
        f"{there} of its {rows} rows are there, {missing} {'is' if missing == 1 else 'are'} missing"
    )


def missing_bytes(there: int, length: int) -> MissingPixels:
    """The error of an image whose coded data ends too early, where rows cannot be counted."""
    return MissingPixels(f"{length - there} of the {length} bytes of its pixels are missing")
