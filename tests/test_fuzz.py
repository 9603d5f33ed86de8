"""Random inputs, the same in each run: nothing is raised outside the error tree. bench/fuzz.py has more."""

from __future__ import annotations

from pathlib import Path

import pytest
from multiedit.tests.support.fuzz import KINDS, run

COUNT = 2000


@pytest.mark.parametrize("name", KINDS)
def test_random_inputs_raise_only_errors_of_the_tree(name: str, tmp_path: Path) -> None:
    count = round(COUNT * KINDS[name].share)
    good = run(name, count, tmp_path)
    assert 0 < good < count  # some are read, some refused
