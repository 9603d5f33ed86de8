"""A semaphore that counts bytes: a bound on the memory of several requests together."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class ByteSemaphore:
    """Bounds the bytes held at the same time; further holders wait in order.

    Args:
        size: bytes in all. A request for more than that gets all of it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes, waiting until they are free."""
        size = min(size, self._size)
        if size and (self._waiting or size > self._free):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if (size, turn) in self._waiting:
                    self._waiting.remove((size, turn))
                    self._release(0)  # what waited behind it may fit
                else:
                    self._release(size)
                raise
        else:
            self._free -= size
        try:
            yield
        finally:
            self._release(size)

    def _release(self, size: int) -> None:
        self._free += size
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)
