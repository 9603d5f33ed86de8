"""A budget of memory that the edits of a process share: what has no room waits its turn."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path, PurePosixPath

from .errors import ImageTooLarge
from .fair_semaphore import FairSemaphore, Hold

HoldMemory = Callable[[str, int], AbstractAsyncContextManager[Hold]]
"""Holds, for a caller, so many bytes for as long as its context lasts."""

_SHARE = 2  # half of the machine's: the rest is for the files, other programs and what an estimate misses
_UNKNOWN = 4 << 30


class MemoryBudget:
    """Bounds the memory that edits take at the same time; further ones wait, each caller's in turn.

    Args:
        size: bytes in all, more than which is refused. With 0 it is half of what the machine, or its
            container, has, and what needs more than that half runs alone.
        machine: bytes that the machine has.
    """

    def __init__(self, size: int = 0, machine: Callable[[], int] | None = None) -> None:
        has = 0 if size else (machine or machine_memory)()
        self._most = size or has
        self._bytes = FairSemaphore(size or has // _SHARE)

    @contextlib.asynccontextmanager
    async def hold(self, owner: str, need: int) -> AsyncIterator[Hold]:
        """Hold so many bytes for a caller, waiting until they are free.

        Raises:
            ImageTooLarge: there are never so many.
        """
        if need > self._most:
            raise ImageTooLarge(
                f"The images need about {need / 1e6:.0f} MB of memory to be edited; the limit is "
                f"{self._most / 1e6:.0f} MB. Scale them down, or ask for a smaller result, and send them "
                "again. MULTIEDIT_MEMORY_BYTES sets the limit.",
                field="images",
            )
        async with self._bytes.hold(owner, need) as hold:
            yield hold


@contextlib.asynccontextmanager
async def unbounded(owner: str, need: int) -> AsyncIterator[Hold]:
    """A `HoldMemory` for one edit at a time, by whoever owns the machine."""
    yield Hold(FairSemaphore(0), owner, 0)


def machine_memory(root: Path = Path("/")) -> int:
    """The bytes of memory of this machine, or of the container or the service that this process is in.

    Args:
        root: where `proc` and `sys` are.
    """
    bounds = [_physical_memory()]
    for path in _cgroup_files(root):
        with contextlib.suppress(OSError, ValueError):  # there is none, or it says "max"
            bounds.append(int(path.read_text()))
    return min(bounds)


def _cgroup_files(root: Path) -> Iterator[Path]:
    """The bounds of this process's control group and of those that it is in (cgroups(7)).

    One without a bound says "max" in version 2 and a number beyond any machine in version 1.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not Linux
        return
    groups = root / "sys/fs/cgroup"
    for line in lines:
        number, controllers, path = line.split(":", 2)
        own = PurePosixPath(path.lstrip("/"))
        for group in (own, *own.parents):
            if number == "0":
                yield groups / group / "memory.max"
            elif "memory" in controllers.split(","):
                yield groups / "memory" / group / "memory.limit_in_bytes"


def _physical_memory() -> int:
    if sys.platform == "win32":
        import ctypes

        kilobytes = ctypes.c_ulonglong()
        known = ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024 if known else _UNKNOWN
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
