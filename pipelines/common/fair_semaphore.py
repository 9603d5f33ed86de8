"""A semaphore that serves callers in turn, so that nobody waits behind all the edits of another one.

It counts places, or bytes: a bound on the memory of several requests together.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable


class FairSemaphore:
    """Bounds what is held at the same time; of those that wait, each caller's first in turn.

    A caller that holds less than another goes before it, whoever's turn it is. What is first is waited for,
    however small the others are, so that large ones get their turn too.

    Args:
        size: places or bytes in all.
        most: of them for one caller, so that there is room for another one; all where it is not given. A
            request for more than that gets as much.
        shared_seconds: a caller that has left within these counts as one that is here, and one caller gets
            no more than its share of what all who are here may have. 0: whoever is here gets what is free.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        size: int,
        most: int | None = None,
        shared_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = size if most is None else most
        self._size = self._free = size
        self._shared_seconds = shared_seconds
        self._clock = clock
        self._left: dict[str, float] = {}
        self._held = Counter[str]()
        self._waiting: dict[str, deque[tuple[int, asyncio.Future[None]]]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, owner: str, size: int = 1) -> AsyncIterator[Hold]:
        """Hold so much of it for a caller, waiting for it."""
        hold = Hold(self, owner, min(size, self._most))
        await hold.take()
        try:
            yield hold
        finally:
            hold.give_back()

    async def take(self, owner: str, size: int) -> None:
        """Wait for so much of it; `hold` gives it back too."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append((size, turn))
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._serve()  # what waited behind it may fit
            else:
                self.release(owner, size)
            raise

    def release(self, holder: str, size: int) -> None:
        """Give back what was taken."""
        self._free += size
        self._held[holder] -= size
        if not self._held[holder]:
            del self._held[holder]
            if self._shared_seconds and size:
                self._left[holder] = self._clock()
        self._serve()

    def _serve(self) -> None:
        while self._waiting:
            owner = min(self._waiting, key=lambda each: self._held[each])  # the first of several
            size, turn = self._waiting[owner][0]
            if not turn.cancelled():
                if size > min(self._free, self._most_of(size) - self._held[owner]):
                    return
                self._free -= size
                self._held[owner] += size
                turn.set_result(None)
            queue = self._waiting.pop(owner)
            queue.popleft()
            if queue:
                self._waiting[owner] = queue  # at the end of the round

    def _most_of(self, size: int) -> int:
        """How much one caller may have now, at least what it waits for."""
        if not self._shared_seconds:
            return self._most
        oldest = self._clock() - self._shared_seconds
        self._left = {owner: left for owner, left in self._left.items() if left >= oldest}
        here = {*self._left, *self._held, *self._waiting}
        return max(size, min(self._most, self._size // len(here)))


class Hold:
    """What a caller holds of a semaphore; it can be given back for a while, and taken again in turn."""

    def __init__(self, semaphore: FairSemaphore, owner: str, size: int) -> None:
        self._semaphore = semaphore
        self._owner = owner
        self._size = size
        self._held = 0

    async def take(self) -> None:
        """Wait for it."""
        if self._size:
            await self._semaphore.take(self._owner, self._size)
            self._held = self._size

    def give_back(self) -> None:
        """Let others have it, where it is held."""
        held, self._held = self._held, 0
        self._semaphore.release(self._owner, held)
