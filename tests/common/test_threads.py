"""Work on several threads: order, errors, and the mode of torch that the caller is in."""

from __future__ import annotations

import os

import pytest
import torch
from multiedit.pipelines.common.threads import in_parallel


@pytest.fixture(autouse=True)
def several_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)


def test_answers_come_in_order() -> None:
    assert list(in_parallel(lambda number: number * 2, range(9))) == [number * 2 for number in range(9)]


def test_the_first_error_in_order_is_raised() -> None:
    def fail(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number

    answers = iter(in_parallel(fail, range(9)))
    assert next(answers) == 0
    with pytest.raises(ValueError, match=r"^1$"):
        next(answers)


@pytest.mark.parametrize("inference", [True, False])
def test_threads_may_write_into_what_the_caller_made(inference: bool) -> None:
    with torch.inference_mode(inference):
        rows = torch.zeros(4, 3)
        list(in_parallel(lambda row: rows[row].fill_(row), range(4)))
        assert rows[:, 0].tolist() == [0, 1, 2, 3]
    modes = list(in_parallel(lambda _: torch.is_inference_mode_enabled(), range(4)))
    assert modes == [False] * 4
