"""Threads for work that comes in independent pieces: pictures to decode, strips to composite.

Torch splits each operation over the processors and waits for the slowest at its end. For many small
operations on a machine that has other work too, the waiting costs far more than the splitting gains (seen:
40 times slower). Here each piece runs on one thread from beginning to end, with torch not splitting inside.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Piece = TypeVar("_Piece")
_Answer = TypeVar("_Answer")
_MOST_WORKERS = 16


def in_parallel(work: Callable[[_Piece], _Answer], pieces: Sequence[_Piece]) -> Iterable[_Answer]:
    """Do `work` on every piece at the same time; the answers come in order as they get ready.

    The first exception, in order, is raised; pieces that have not begun by then are not begun.
    """
    workers = min(len(pieces), os.cpu_count() or 1, _MOST_WORKERS)
    if workers < 2:
        yield from map(work, pieces)
        return
    import torch

    # A thread begins outside of it, and may not write into what was made inside: ComfyUI runs nodes inside.
    inference = torch.is_inference_mode_enabled()

    def in_mode(piece: _Piece) -> _Answer:
        with torch.inference_mode(inference):
            return work(piece)

    with _pool(workers) as pool:
        futures = [pool.submit(in_mode, piece) for piece in pieces]
        try:
            for future in futures:
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ThreadPoolExecutor]:
    import torch

    # The number is kept for each thread, and for threads yet to come: those of others must not inherit 1.
    threads = torch.get_num_threads()
    started = threading.Barrier(workers + 1)

    def prepare() -> None:
        torch.set_num_threads(1)
        started.wait()

    with ThreadPoolExecutor(workers, initializer=prepare) as pool:
        for _ in range(workers):
            pool.submit(int)  # a thread is started when something is submitted
        started.wait()
        torch.set_num_threads(threads)
        yield pool
