"""Read the file that keeps what was spent."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from multiedit.pipelines.adapters.provider.spending import today


def spent_today(path: Path, day: str | None = None) -> float:
    """Dollars of a day, of today's where none is given."""
    if not path.exists():
        return 0.0
    with closing(sqlite3.connect(path)) as file:
        row = file.execute("SELECT micro FROM spent WHERE day = ?", (day or today(),)).fetchone()
    return row[0] / 1_000_000 if row else 0.0
