"""A semaphore that serves callers in turn, so that nobody waits behind all the edits of another one.

It counts places, or bytes: a bound on the memory of several requests together.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class FairSemaphore:
    """Bounds what is held at the same time; of those that wait, each caller's first in turn.

    A caller that holds less than another goes before it, whoever's turn it is. What is first is waited for,
    however small the others are, so that large ones get their turn too.

    Args:
        size: places or bytes in all.
        most: of them for one caller, so that there is room for another one; all where it is not given. A
            request for more than that gets as much.
    """

    def __init__(self, size: int, most: int | None = None) -> None:
        self._most = size if most is None else most
        self._free = size
        self._held = Counter[str]()
        self._waiting: dict[str, deque[tuple[int, asyncio.Future[None]]]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, owner: str, size: int = 1) -> AsyncIterator[None]:
        """Hold so much of it for a caller, waiting for it."""
        size = min(size, self._most)
        if size:
            await self._turn(owner, size)
        try:
            yield
        finally:
            self._release(owner, size)

    async def _turn(self, owner: str, size: int) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append((size, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._serve()  # what waited behind it may fit
            else:
                self._release(owner, size)
            raise

    def _release(self, holder: str, size: int) -> None:
        self._free += size
        self._held[holder] -= size
        if not self._held[holder]:
            del self._held[holder]
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            owner = min(self._waiting, key=lambda each: self._held[each])  # the first of several
            size, turn = self._waiting[owner][0]
            if not turn.cancelled():
                if size > min(self._free, self._most - self._held[owner]):
                    return
                self._free -= size
                self._held[owner] += size
                turn.set_result(None)
            queue = self._waiting.pop(owner)
            queue.popleft()
            if queue:
                self._waiting[owner] = queue  # at the end of the round
