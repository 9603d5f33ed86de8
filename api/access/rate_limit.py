"""Rate limits: requests of a key, wrong keys of an address, and the error budget of a key and model."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from ...pipelines.common.settings import ServerLimits
from ..errors import ClientGone, RateLimited, Unauthorized

# A 401 has no key to count for: unknown callers would only evict the windows of keys.
_NOT_COUNTED = (RateLimited.status, ClientGone.status, Unauthorized.status)
_Key = TypeVar("_Key")
_MINUTE = 60.0
_MAX_WINDOWS = 20_000


class RequestWindow:
    """A sliding window: at most `most` events in `seconds`."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._times: deque[float] = deque()

    def left(self, now: float) -> int:
        """Return how many more events are allowed."""
        while self._times and self._times[0] <= now - self._seconds:
            self._times.popleft()
        return self._most - len(self._times)

    def add(self, now: float) -> None:
        self._times.append(now)

    def reset(self, now: float) -> float:
        """Return the seconds until one more event is allowed than now."""
        return max(0.0, self._times[0] + self._seconds - now) if self._times else 0.0


class _Windows(Generic[_Key]):
    """One window for each key; the oldest key goes when there are too many."""

    def __init__(self, most: int, seconds: float) -> None:
        self._make = partial(RequestWindow, most, seconds)
        self._windows: dict[_Key, RequestWindow] = {}

    def get(self, key: _Key) -> RequestWindow:
        if key not in self._windows:
            if len(self._windows) >= _MAX_WINDOWS:
                del self._windows[next(iter(self._windows))]
            self._windows[key] = self._make()
        return self._windows[key]


class RateLimits:
    """Counts the requests and failures of every caller.

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
        self._requests = _Windows[str](limits.requests_per_minute, _MINUTE)
        self._failures = _Windows[tuple[str, str]](limits.failures, limits.failure_seconds)
        self._wrong_keys = _Windows[str](limits.wrong_keys_per_minute, _MINUTE)

    def count_request(self, caller: str) -> None:
        """Count one request.

        Raises:
            RateLimited: the caller has no request left in this minute.
        """
        most = self._limits.requests_per_minute
        self._count(self._requests.get(caller), f"Rate limit exceeded: {most} requests per minute and key.")

    def count_wrong_key(self, address: str) -> None:
        """Count a request with a wrong key.

        Raises:
            RateLimited: the address has sent too many in this minute.
        """
        most = self._limits.wrong_keys_per_minute
        self._count(self._wrong_keys.get(address), f"Too many wrong keys: {most} per minute and address.")

    def _count(self, window: RequestWindow, refusal: str) -> None:
        now = self._clock()
        if window.left(now) < 1:
            wait = window.reset(now)
            raise RateLimited(f"{refusal} Try again in {wait:.0f} s.", retry_after=wait)
        window.add(now)

    def headers(self, caller: str) -> dict[str, str]:
        """Return the headers about requests; `reset` is a Unix time in milliseconds."""
        window, now = self._requests.get(caller), self._clock()
        return {
            "x-ratelimit-limit-requests": str(self._limits.requests_per_minute),
            "x-ratelimit-remaining-requests": str(window.left(now)),
            "x-ratelimit-reset-requests": str(round((self._now() + window.reset(now)) * 1000)),
            "x-ratelimit-type": "api_key",
        }

    def check_failures(self, caller: str, model: str) -> dict[str, str]:
        """Check the error budget of a caller and model, and return its headers.

        Raises:
            RateLimited: the budget is used up.
        """
        limits, window, now = self._limits, self._failures.get((caller, model)), self._clock()
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

    def count_failure(self, caller: str, model: str, status: int) -> None:
        """Count a failed edit if the status blames its caller."""
        if 400 <= status < 500 and status not in _NOT_COUNTED:
            window = self._failures.get((caller, model))
            if window.left(self._clock()) >= 0:  # the budget is used up; more need not be counted
                window.add(self._clock())
