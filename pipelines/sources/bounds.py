"""The size of an image's file, checked the same way wherever the bytes come from."""

from __future__ import annotations

from ..common.errors import FileTooLarge
from ..common.settings import Limits


def check_size(size: int, limits: Limits, name: str, *, at_least: bool = False) -> None:
    """Refuse a file that is not smaller than `limits.max_file_bytes`.

    Args:
        size: bytes.
        at_least: `size` is what has been seen so far; the whole file may be larger.

    Raises:
        FileTooLarge: it is too large.
    """
    if size < limits.max_file_bytes:
        return
    amount = "at least " if at_least else ""
    raise FileTooLarge(
        f"{name} is {amount}{size / 1e6:.1f} MB ({size} bytes); a file must be smaller than "
        f"{limits.max_file_bytes / 1e6:.1f} MB ({limits.max_file_bytes} bytes). "
        "Save it smaller, for example as a JPEG, and send it again. MULTIEDIT_MAX_FILE_BYTES sets the limit."
    )
