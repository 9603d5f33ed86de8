"""The slots of edits in flight, shared fairly: the caller with most makes room for one with fewer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import ServerBusy

_T = TypeVar("_T")


@dataclass(eq=False)
class Slot:
    """A slot: whose it is, the task that receives its request until that is complete, and why it was lost."""

    owner: str
    receiving: asyncio.Task[Any] | None = None
    lost: ServerBusy | None = None

    def lose(self, reason: ServerBusy) -> None:
        """Cancel what receives the request, which then raises the reason."""
        self.lost = reason
        if self.receiving:
            self.receiving.cancel()


class Slots:
    """The slots of all edits in flight.

    Args:
        most: slots in all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[Slot] = []

    @property
    def in_flight(self) -> int:
        return len(self._held)

    def end_receiving(self, reason: ServerBusy) -> list[asyncio.Task[Any]]:
        """Give up the requests that are not complete; returns the tasks that received them."""
        unfinished = [(slot, slot.receiving) for slot in self._held if slot.receiving]
        for slot, _ in unfinished:
            slot.lose(reason)
        return [task for _, task in unfinished]

    @contextlib.contextmanager
    def reserve(self, owner: str) -> Iterator[Slot]:
        """Hold a slot; taken before a request's body is read.

        Where all are held, the newest unfinished upload of the caller with most slots loses its own, if that
        caller has at least two more than this one.

        Raises:
            ServerBusy: no slot is free, nor can be made free.
        """
        if self.in_flight >= self._most:
            self._make_room(owner)
        self.require_free()
        slot = Slot(owner)
        self._held.append(slot)
        try:
            yield slot
        finally:
            if slot in self._held:  # it is not where another caller has it
                self._held.remove(slot)

    def require_free(self) -> None:
        """Check that a slot is free. Raises ServerBusy: none is."""
        if self.in_flight >= self._most:
            raise ServerBusy(
                f"Server busy: {self.in_flight} edits are running or waiting, which is the limit. "
                "Retry in a few seconds."
            )

    def _make_room(self, owner: str) -> None:
        counts = Counter(slot.owner for slot in self._held)
        unfair = [slot for slot in self._held if slot.receiving and counts[slot.owner] > counts[owner] + 1]
        if unfair:
            loser = max(reversed(unfair), key=lambda slot: counts[slot.owner])
            self._held.remove(loser)
            loser.lose(
                ServerBusy(
                    "Server busy: this caller has most of the edits in flight, and others wait. "
                    "Retry in a few seconds."
                )
            )

    async def receive(self, slot: Slot, receiving: Coroutine[Any, Any, _T]) -> _T:
        """Wait until a request is complete.

        Raises:
            ServerBusy: the slot was lost, be it between the end of the request and this task's turn.
        """
        task = asyncio.ensure_future(receiving)
        slot.receiving = task
        try:
            received = await task
        except asyncio.CancelledError:
            if slot.lost and task.cancelled():
                raise slot.lost from None
            raise
        finally:
            task.cancel()
            slot.receiving = None
        if slot.lost:
            raise slot.lost
        return received
