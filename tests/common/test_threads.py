"""Work on several threads: order, errors, and the mode of torch that the caller is in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest
import torch
from multiedit.pipelines.common.threads import in_every_thread, in_parallel
from torch.overrides import TorchFunctionMode


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


def test_calls_inside_of_pieces_end() -> None:
    def inner(number: int) -> int:
        return sum(in_parallel(lambda other: other * number, range(4)))

    assert list(in_parallel(inner, range(32))) == [6 * number for number in range(32)]


def test_an_error_waits_for_the_pieces_that_have_begun() -> None:
    begun, ended = threading.Semaphore(0), []

    def work(number: int) -> None:
        if number == 0:
            begun.acquire()
            raise ValueError(number)
        begun.release()
        ended.append(number)

    with pytest.raises(ValueError, match=r"^0$"):
        list(in_parallel(work, range(2)))
    assert ended == [1]


class Counted(TorchFunctionMode):
    """Notes the threads that operations of torch are called in."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def __torch_function__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.threads.append(threading.get_ident())
        return operation(*args, **(kwargs or {}))


def test_modes_of_the_caller_hold_in_the_threads_and_end_with_the_block() -> None:
    with in_every_thread(mode := Counted()):
        threads = list(in_parallel(lambda number: (torch.ones(number), threading.get_ident())[1], range(9)))
    assert sorted(mode.threads) == sorted(threads)
    assert threading.get_ident() not in threads
    list(in_parallel(torch.ones, range(9)))
    torch.ones(1)
    assert len(mode.threads) == 9


def test_pieces_have_the_callers_context() -> None:
    known: ContextVar[int] = ContextVar("known", default=0)
    known.set(3)
    assert list(in_parallel(lambda _: known.get(), range(4))) == [3] * 4


# In a process of its own, since the threads are started once. The pause widens the moment in which torch's
# number for new threads is 1.
_TWO_CALLERS = """
import os, threading, time
os.cpu_count = lambda: 4
import torch
from multiedit.pipelines.common.threads import in_parallel
torch.set_num_threads(3)
set_number = torch.set_num_threads
def slowly(number):
    set_number(number)
    time.sleep(0.2 if number == 1 else 0)
torch.set_num_threads = slowly
counts = []
def call(delay):
    time.sleep(delay)
    list(in_parallel(lambda piece: torch.zeros(piece), range(8)))
    counts.append(torch.get_num_threads())
callers = [threading.Thread(target=call, args=(delay,)) for delay in (0, 0.1)]
for caller in callers:
    caller.start()
for caller in callers:
    caller.join()
late = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
late.start()
late.join()
inside = set(in_parallel(lambda piece: torch.get_num_threads(), range(8)))
print(counts, inside)
"""


def test_two_callers_at_once_leave_torch_its_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TWO_CALLERS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[3, 3, 3] {1}"


class Asked(list[int]):
    """Pieces that tell when they are read, which is right before they wait for their turn."""

    def __init__(self, pieces: Iterable[int]) -> None:
        super().__init__(pieces)
        self.read = threading.Event()

    def __iter__(self) -> Iterator[int]:
        self.read.set()
        return super().__iter__()


def test_a_piece_of_each_call_in_turn_is_done() -> None:
    begun, free, order = threading.Event(), threading.Event(), list[str]()

    def large(_: int) -> None:
        begun.set()
        assert free.wait(20)
        time.sleep(0.002)
        order.append("large")

    count, small = 400, Asked(range(2))
    callers = [
        threading.Thread(target=lambda: list(in_parallel(large, range(count)))),
        threading.Thread(target=lambda: list(in_parallel(lambda _: order.append("small"), small))),
    ]
    callers[0].start()
    begun.wait(20)
    callers[1].start()
    small.read.wait(20)
    free.set()
    for caller in callers:
        caller.join()
    assert order.count("large") == count
    assert [place for place, name in enumerate(order) if name == "small"][1] < count  # not behind all of them


def test_no_pieces_leave_nothing_behind() -> None:
    assert list(in_parallel(str, [])) == []
    assert list(in_parallel(str, [1, 2, 3])) == ["1", "2", "3"]
