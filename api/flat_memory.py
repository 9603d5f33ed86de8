"""Memory of the server's process that goes back to the system as soon as an image is done.

glibc raises its bound between its own heaps and the system's with each large block that is freed, up to
32 MB. Images below it then lie in the heaps of many threads, which keep what they once had: 680 MB after 200
edits of mixed sizes, against 280 MB with a fixed bound (bench/flat_memory.py).
"""

from __future__ import annotations

import ctypes
import sys

_M_MMAP_THRESHOLD = -3  # of malloc.h
_BYTES = 1 << 20


def return_large_blocks() -> None:
    """Have this process return blocks of 1 MB and more as they are freed; nothing where glibc is not used."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _BYTES)
