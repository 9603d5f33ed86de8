"""A budget of memory that the edits of a process share: what has no room waits its turn."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from .byte_semaphore import ByteSemaphore
from .errors import ImageTooLarge

HoldMemory = Callable[[int], AbstractAsyncContextManager[None]]
"""Holds so many bytes for as long as its context lasts."""

_SHARE = 2  # half of the machine's: the rest is for the files, other programs and what an estimate misses
_UNKNOWN = 4 << 30
# Version 2 and 1 of cgroups; a group without a bound says "max", or a number beyond any machine.
_CGROUP_FILES = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


class MemoryBudget:
    """Bounds the memory that edits take at the same time; further ones wait in order.

    Args:
        size: bytes in all; 0 is half of what the machine, or its container, has.
    """

    def __init__(self, size: int = 0) -> None:
        self._size = size or machine_memory() // _SHARE
        self._bytes = ByteSemaphore(self._size)

    @contextlib.asynccontextmanager
    async def hold(self, need: int) -> AsyncIterator[None]:
        """Hold so many bytes, waiting until they are free.

        Raises:
            ImageTooLarge: there are never so many.
        """
        if need > self._size:
            raise ImageTooLarge(
                f"The images need about {need / 1e6:.0f} MB of memory to be edited; the limit is "
                f"{self._size / 1e6:.0f} MB. Scale them down, or ask for a smaller result, and send them "
                "again. MULTIEDIT_MEMORY_BYTES sets the limit.",
                field="images",
            )
        async with self._bytes.hold(need):
            yield


@contextlib.asynccontextmanager
async def unbounded(need: int) -> AsyncIterator[None]:
    """A `HoldMemory` for one edit at a time, by whoever owns the machine."""
    yield


def machine_memory(cgroup_files: tuple[str, ...] = _CGROUP_FILES) -> int:
    """The bytes of memory of this machine, or of the container that this process is in."""
    bounds = [_physical_memory()]
    for name in cgroup_files:
        with contextlib.suppress(OSError, ValueError):  # not Linux, another version of cgroups, or "max"
            bounds.append(int(Path(name).read_text()))
    return min(bounds)


def _physical_memory() -> int:
    if sys.platform == "win32":
        import ctypes

        kilobytes = ctypes.c_ulonglong()
        known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024 if known else _UNKNOWN
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
