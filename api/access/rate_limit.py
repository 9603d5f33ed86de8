"""Requests a minute for each key, and the hosted API's error budget for each key and model."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from ...pipelines.common.settings import ServerLimits
from ..errors import ClientGone, RateLimited, Unauthorized

# A 401 has no key to count for: strangers would only push the windows of keys out.
_NO_FAULT = (RateLimited.status, ClientGone.status, Unauthorized.status)
_Key = TypeVar("_Key")
_MINUTE = 60.0
_MOST_CALLERS = 20_000


class RequestWindow:
    """The moments of the last `seconds`, at most `most` of them."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._moments: deque[float] = deque()

    def left(self, now: float) -> int:
        """How many more fit in."""
        while self._moments and self._moments[0] <= now - self._seconds:
            self._moments.popleft()
        return self._most - len(self._moments)

    def add(self, now: float) -> None:
        self._moments.append(now)

    def reset(self, now: float) -> float:
        """Seconds until one more fits in than now."""
        return max(0.0, self._moments[0] + self._seconds - now) if self._moments else 0.0


class RateLimits:
    """Counts the edits of every caller.

    Args:
        clock: seconds, monotonic.
        now: Unix seconds.
    """

    def __init__(
        self,
        limits: ServerLimits,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._now = now
        self._requests: dict[str, RequestWindow] = {}
        self._failures: dict[tuple[str, str], RequestWindow] = {}

    def count(self, caller: str) -> None:
        """Count one request.

        Raises:
            RateLimited: there were too many within a minute.
        """
        window = _window(self._requests, caller, self._limits.requests_per_minute, _MINUTE)
        now = self._clock()
        if window.left(now) < 1:
            raise RateLimited(
                f"Rate limit exceeded: {self._limits.requests_per_minute} requests a minute for each key. "
                f"Try again in {window.reset(now):.0f} s.",
                retry_after=window.reset(now),
            )
        window.add(now)

    def told(self, caller: str) -> dict[str, str]:
        """The headers about requests; `reset` is a Unix time in milliseconds."""
        now = self._clock()
        window = _window(self._requests, caller, self._limits.requests_per_minute, _MINUTE)
        return {
            "x-ratelimit-limit-requests": str(self._limits.requests_per_minute),
            "x-ratelimit-remaining-requests": str(window.left(now)),
            "x-ratelimit-reset-requests": str(round((self._now() + window.reset(now)) * 1000)),
            "x-ratelimit-type": "api_key",
        }

    def check_failures(self, caller: str, model: str) -> dict[str, str]:
        """Whether the budget of errors is not used up; gives the headers that say how much is left.

        Raises:
            RateLimited: it is.
        """
        limits = self._limits
        window = _window(self._failures, (caller, model), limits.failures, limits.failure_seconds)
        now = self._clock()
        if window.left(now) < 0:
            raise RateLimited(
                f"Too many failed attempts (> {limits.failures}) resulting in a non-success status code. "
                f"Please wait {limits.failure_seconds:g} s and try again.",
                retry_after=window.reset(now),
            )
        return {
            "x-ratelimit-remaining": str(max(0, window.left(now))),
            "x-ratelimit-resets": str(round((self._now() + window.reset(now)) * 1000)),
        }

    def fail(self, caller: str, model: str, status: int) -> None:
        """Count an edit that failed by its caller's fault."""
        if 400 <= status < 500 and status not in _NO_FAULT:
            limits = self._limits
            window = _window(self._failures, (caller, model), limits.failures, limits.failure_seconds)
            if window.left(self._clock()) >= 0:  # more need not be remembered
                window.add(self._clock())


def _window(windows: dict[_Key, RequestWindow], key: _Key, most: int, seconds: float) -> RequestWindow:
    if key not in windows:
        if len(windows) >= _MOST_CALLERS:
            del windows[next(iter(windows))]
        windows[key] = RequestWindow(most, seconds)
    return windows[key]
