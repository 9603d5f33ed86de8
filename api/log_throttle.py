"""A bound on how often the log repeats a message that strangers can cause."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_MOST = 5
_SECONDS = 60.0
_MOST_KINDS = 1000


class LogThrottle(logging.Filter):
    """Lets a kind of message through some times a minute; then says how many were left out.

    A kind is the first line of a message, before its arguments are put in.

    Args:
        clock: seconds, monotonic.
        most: how often a kind may come in a minute.
        only: the beginning of the kinds that are bounded.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, most: int = _MOST, only: str = ""
    ) -> None:
        super().__init__()
        self._clock = clock
        self._most = most
        self._only = only
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = str(record.msg).partition("\n")[0]
        if not kind.startswith(self._only):
            return True
        began, count = self._seen.get(kind, (self._clock(), 0))
        if self._clock() - began > _SECONDS:
            if count > self._most:
                record.msg = f"{record.msg} ({count - self._most} more like it were left out)"
            began, count = self._clock(), 0
        if len(self._seen) >= _MOST_KINDS:
            self._seen.clear()
        self._seen[kind] = (began, count + 1)
        return count < self._most
