"""A semaphore that serves callers in turn, so that nobody waits behind all the edits of another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator


class FairSemaphore:
    """Lets some work at the same time; of those that wait, each caller's first in turn.

    A caller that holds fewer of them than another goes before it, whoever's turn it is.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._held = Counter[str]()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, owner: str) -> AsyncIterator[None]:
        """Hold one of them for a caller, waiting for it."""
        if self._free and not self._waiting:
            self._take(owner)
        else:
            await self._turn(owner)
        try:
            yield
        finally:
            self._release(owner)

    async def _turn(self, owner: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(owner)
            raise

    def _take(self, owner: str) -> None:
        self._free -= 1
        self._held[owner] += 1

    def _release(self, holder: str) -> None:
        self._free += 1
        self._held[holder] -= 1
        if not self._held[holder]:
            del self._held[holder]
        while self._free and self._waiting:
            owner = min(self._waiting, key=lambda each: self._held[each])  # the first of several
            queue = self._waiting.pop(owner)
            turn = queue.popleft()
            if queue:
                self._waiting[owner] = queue  # at the end of the round
            if not turn.done():
                self._take(owner)
                turn.set_result(None)
