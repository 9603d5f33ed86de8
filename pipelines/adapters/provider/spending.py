"""Keep what was spent today, in a file that outlives the process and that several may write."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ...common.errors import OutputError, SpendingLimit
from ...common.settings import ProviderLimits

_MICRO = 1_000_000  # dollars are kept as whole millionths
_WAIT_SECONDS = 10.0


def today() -> str:
    """The day of UTC, as 2026-11-22."""
    return time.strftime("%Y-%m-%d", time.gmtime())


class SpendingLog:
    """Books the price of an edit before it is sent, and gives back what was surely not charged.

    Args:
        path: of the file, an SQLite database: one row for each day.
        day: names the day.
    """

    def __init__(self, path: Path, limits: ProviderLimits, day: Callable[[], str] = today) -> None:
        self._path = path
        self._limits = limits
        self._day = day

    def book(self, usd: float, before: float = 0.0) -> Callable[[], None]:
        """Count one attempt at an edit; two processes cannot both take the last of a day.

        Args:
            before: dollars that earlier attempts at the same edit may have cost.

        Returns:
            What gives it back.

        Raises:
            SpendingLimit: it, or the day with it, would cost too much. Nothing is counted then.
            OutputError: the file cannot be written, so that nothing may be spent.
        """
        limits, day, amount = self._limits, self._day(), round(usd * _MICRO)
        if before + usd > limits.max_usd + 0.5 / _MICRO:
            earlier = f", and attempts before may have cost {before:g}" if before else ""
            raise SpendingLimit(
                f"The edit costs {usd:g} USD{earlier}; MULTIEDIT_MAX_USD allows {limits.max_usd:g}. Choose a "
                "smaller resolution, a lower quality or another model, or raise it."
            )
        with self._open() as table:
            self._require(table, day, usd, "the edit costs")
            _add(table, day, amount)
        return lambda: self._give_back(day, amount)

    def require(self, usd: float, edits: int) -> None:
        """Refuse edits of which only the first would be within the day's limit. Nothing is counted.

        Args:
            usd: of one.

        Raises:
            SpendingLimit, OutputError: see `book`.
        """
        with self._open() as table:
            self._require(table, self._day(), usd * edits, f"the {edits} edits cost")

    def _require(self, table: sqlite3.Connection, day: str, usd: float, what: str) -> None:
        row = table.execute("SELECT micro FROM spent WHERE day = ?", (day,)).fetchone()
        spent, limit = row[0] if row else 0, self._limits.max_usd_per_day
        if not isinstance(spent, int) or spent < 0:
            raise sqlite3.DataError(f"its row of {day} is damaged")
        if spent + round(usd * _MICRO) > round(limit * _MICRO):
            raise SpendingLimit(
                f"{spent / _MICRO:g} USD were spent today (UTC) and {what} {usd:g}; "
                f"MULTIEDIT_MAX_USD_PER_DAY allows {limit:g}. Wait until tomorrow, or raise it."
            )

    def _give_back(self, day: str, amount: int) -> None:
        with self._open() as table:
            _add(table, day, -amount)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nobody else has the file until it ends."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=_WAIT_SECONDS, isolation_level=None)
            with contextlib.closing(connection):
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("CREATE TABLE IF NOT EXISTS spent (day TEXT PRIMARY KEY, micro INTEGER)")
                yield connection
                connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise OutputError(  # a caller of the HTTP API may read it: no path
                f"{self._path.name}, which keeps what was spent, cannot be used: {reason}. Without it "
                "nothing is sent; make it writable, or remove it (docs/provider.md)."
            ) from error


def _add(table: sqlite3.Connection, day: str, amount: int) -> None:
    table.execute(
        "INSERT INTO spent VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET micro = micro + ?",
        (day, amount, amount),
    )
