"""What was spent is kept: across restarts, days and processes."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from multiedit.pipelines.adapters.provider.spending import SpendingLog
from multiedit.pipelines.common.errors import OutputError, SpendingLimit
from multiedit.pipelines.common.settings import ProviderLimits
from multiedit.tests.support.spending import spent_today

LIMITS = ProviderLimits(max_usd=1.0, max_usd_per_day=2.0)
TAKE = """
import sys
from multiedit.pipelines.common.errors import SpendingLimit
from multiedit.pipelines.adapters.provider.spending import SpendingLog
from multiedit.pipelines.common.settings import ProviderLimits
from pathlib import Path
ledger, taken = SpendingLog(Path(sys.argv[1]), ProviderLimits(max_usd_per_day=0.5)), 0
for _ in range(15):
    try:
        ledger.book(0.05)
        taken += 1
    except SpendingLimit:
        pass
print(taken)
"""


def test_it_is_kept_from_one_process_to_the_next_and_begins_anew_each_day(tmp_path: Path) -> None:
    path, days = tmp_path / "new" / "spending.sqlite", ["2026-11-22"]
    SpendingLog(path, LIMITS, lambda: days[-1]).book(0.9)
    again = SpendingLog(path, LIMITS, lambda: days[-1])
    again.book(0.9)
    assert spent_today(path, days[-1]) == pytest.approx(1.8)
    with pytest.raises(SpendingLimit, match=r"1\.8 USD were spent today"):
        again.book(0.3)
    days.append("2026-11-23")
    assert spent_today(path, days[-1]) == 0
    again.book(0.3)


def test_what_is_given_back_is_of_its_own_day(tmp_path: Path) -> None:
    days = ["2026-11-22"]
    ledger = SpendingLog(tmp_path / "spending.sqlite", LIMITS, lambda: days[-1])
    give_back = ledger.book(0.5)
    days.append("2026-11-23")
    ledger.book(0.25)
    give_back()
    assert spent_today(tmp_path / "spending.sqlite", days[-1]) == pytest.approx(0.25)


def test_what_only_a_part_of_could_be_paid_is_refused_and_not_counted(tmp_path: Path) -> None:
    ledger = SpendingLog(tmp_path / "spending.sqlite", LIMITS)
    ledger.book(0.5)
    ledger.require(0.5, 3)
    with pytest.raises(SpendingLimit, match="the 4 edits cost 2;"):
        ledger.require(0.5, 4)
    assert spent_today(tmp_path / "spending.sqlite") == 0.5


def test_many_small_amounts_are_exact(tmp_path: Path) -> None:
    ledger = SpendingLog(tmp_path / "spending.sqlite", LIMITS)
    for _ in range(10):
        ledger.book(0.1)
    assert spent_today(tmp_path / "spending.sqlite") == 1.0
    ledger.book(1.0)
    with pytest.raises(SpendingLimit):
        ledger.book(0.000001)


def test_two_processes_cannot_both_take_the_last(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKE, str(tmp_path / "spending.sqlite")]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent)
        for _ in range(2)
    ]
    taken = [int(process.communicate()[0]) for process in both]
    assert sum(taken) == 10


@pytest.mark.parametrize("content", [b"no database" * 100, None])
def test_without_a_ledger_nothing_is_spent(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "spending.sqlite"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(OutputError, match="Without it nothing is sent") as caught:
        SpendingLog(path, LIMITS).book(0.1)
    assert str(tmp_path) not in caught.value.message


def test_a_folder_that_cannot_be_made_is_named_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Without it nothing is sent") as caught:
        SpendingLog(tmp_path / "file" / "spending.sqlite", LIMITS).book(0.1)
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("value", ["much", "", None, 0.5, b"1", -1])
def test_a_damaged_row_spends_nothing(tmp_path: Path, value: object) -> None:
    path = tmp_path / "spending.sqlite"
    ledger = SpendingLog(path, LIMITS, lambda: "2026-11-22")
    ledger.book(0.5)
    with contextlib.closing(sqlite3.connect(path)) as table, table:
        table.execute("UPDATE spent SET micro = ?", (value,))
    with pytest.raises(OutputError, match="its row of 2026-11-22 is damaged"):
        ledger.book(0.1)
