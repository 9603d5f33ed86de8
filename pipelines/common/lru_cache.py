"""A cache that holds what was computed last, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LRUCache(Generic[Value]):
    """Values by key, the least recently used forgotten first.

    Args:
        most_bytes: that all values together may take. A larger single value is not kept.
        size: how many bytes a value takes.
    """

    def __init__(self, most_bytes: int, size: Callable[[Value], int]) -> None:
        self._most_bytes = most_bytes
        self._size = size
        self._bytes = 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made on the first call; what `make` raises is raised, and nothing kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._keep(key, value)
        return value

    def _keep(self, key: Hashable, value: Value) -> None:
        if key in self._values or self._size(value) > self._most_bytes:
            return
        self._values[key] = value
        self._bytes += self._size(value)
        while self._bytes > self._most_bytes:
            self._bytes -= self._size(self._values.popitem(last=False)[1])
