from __future__ import annotations

import io
import time
from argparse import Namespace

import pytest
from multiedit.cli import output


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, True), (60.0, False)])
def test_a_terminal_shows_a_bar_for_long_work(
    monkeypatch: pytest.MonkeyPatch, seconds: float, shown: bool
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    with output.progress_bar(Namespace(json=False), delay=seconds, refresh=0.02) as stage:
        stage("edit", 0.5)
        # tqdm draws at most ten times a second; this draw is the ticker's.
        deadline = time.monotonic() + 5
        while shown and "edit" not in terminal.getvalue() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert ("edit" in terminal.getvalue()) is shown
    assert shown or terminal.getvalue() == ""
