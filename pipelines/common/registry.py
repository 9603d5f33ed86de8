"""A table of entries by id, whose error for an unknown id names a known one that is like it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from typing import ClassVar, Generic, Protocol, TypeVar

from .errors import MultiEditError
from .validation import describe

_LONGEST_ID = 64  # characters of an unknown id that are compared
_ALIKE = 0.5  # difflib's ratio from which on a known id is named


class Identified(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=Identified)


class Registry(Generic[Item]):
    """Entries by id, iterated in the order in which they were given.

    Attributes:
        kind: what an entry is called in messages.
        next_step: the end of the message for an unknown id.
        error: makes the error of such a message.

    Raises:
        ValueError: two entries have the same id.
    """

    kind: ClassVar[str]
    next_step: ClassVar[str]
    error: ClassVar[Callable[..., MultiEditError]]

    def __init__(self, entries: Iterable[Item]) -> None:
        self._entries: dict[str, Item] = {}
        for entry in entries:
            if entry.id in self._entries:
                raise ValueError(f"{self.kind} {entry.id} is listed twice")
            self._entries[entry.id] = entry

    def __iter__(self) -> Iterator[Item]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, entry_id: str) -> Item:
        """Look an entry up.

        Raises:
            MultiEditError: of the class `error`; the message names a known id that is like it.
        """
        if entry_id in self._entries:
            return self._entries[entry_id]
        nearest = difflib.get_close_matches(entry_id[:_LONGEST_ID], self._entries, n=1, cutoff=_ALIKE)
        hint = f"The nearest known one is {nearest[0]!r}; " if nearest else ""
        advice = f"{hint}{self.next_step}."
        raise type(self).error(f"Unknown {self.kind} {describe(entry_id)}. {advice[:1].upper()}{advice[1:]}")
