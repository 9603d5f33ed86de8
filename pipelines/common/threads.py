"""Threads for work that comes in independent pieces: images to decode, strips to composite.

Torch splits each operation over the processors and waits for the slowest at its end. For many small
operations on a machine that has other work too, the waiting costs far more than the splitting gains (seen:
40 times slower). Here each piece runs on one thread from beginning to end, with torch not splitting inside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, TypeVar

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")
_MAX_WORKERS = 16
_CARRIED: ContextVar[tuple[AbstractContextManager[object], ...]] = ContextVar("multi-edit modes", default=())


@contextlib.contextmanager
def in_every_thread(mode: AbstractContextManager[object]) -> Iterator[None]:
    """Enter a mode of torch, which knows one thread only, for the threads of `in_parallel` too.

    Args:
        mode: entered once in each thread, in several at the same time.
    """
    before = _CARRIED.set((*_CARRIED.get(), mode))
    try:
        with mode:
            yield
    finally:
        _CARRIED.reset(before)


def in_parallel(work: Callable[[_Piece], _Result], pieces: Sequence[_Piece]) -> Iterable[_Result]:
    """Do `work` on every piece at the same time; the results come in order as they get ready.

    All callers of the process share one set of threads, a piece of each call in turn, so that few small
    pieces do not wait for many large ones; a single piece too is done on one of them. A piece that calls this
    again does its own pieces one after the other, since its thread cannot wait for others of the same set.
    Each piece has a copy of the caller's context, and the modes of `in_every_thread`.

    The first exception, in order, is raised; pieces that have not begun by then are not begun, and those
    that have are waited for.
    """
    if not pieces or (os.cpu_count() or 1) < 2 or _WORKERS.is_own_thread():
        yield from map(work, pieces)
        return
    import torch

    # A thread begins outside of it, and may not write into what was made inside: ComfyUI runs nodes inside.
    inference = torch.is_inference_mode_enabled()

    def as_caller(piece: _Piece) -> _Result:
        with torch.inference_mode(inference), ExitStack() as modes:
            for mode in _CARRIED.get():
                modes.enter_context(mode)
            return work(piece)

    futures = _WORKERS.submit([partial(copy_context().run, as_caller, piece) for piece in pieces])
    try:
        for future in futures:
            yield future.result()
    finally:
        wait([future for future in futures if not future.cancel()])


async def in_thread(work: Callable[[], _Result]) -> _Result:
    """Do `work` in a thread; a cancelled caller waits for its end, and keeps what it holds until then."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # or asyncio logs that nobody asked for it
        raise
    finally:
        del task  # its error has this frame, and this frame would have it


class _Workers:
    """The threads of this process, started on first use and kept until it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._thread = threading.local()
        self._calls: deque[deque[tuple[Future[Any], Callable[[], Any]]]] = deque()

    def is_own_thread(self) -> bool:
        return hasattr(self._thread, "worker")

    def submit(self, pieces: Sequence[Callable[[], _Result]]) -> list[Future[_Result]]:
        """Have the pieces of one call done, one of each call in turn."""
        call = deque((Future[_Result](), piece) for piece in pieces)
        futures = [future for future, _ in call]
        with self._lock:
            if self._executor is None:
                self._executor = self._start(min(os.cpu_count() or 1, _MAX_WORKERS))
            self._calls.append(call)
            for _ in futures:
                self._executor.submit(self._do_next)
        return futures

    def _do_next(self) -> None:
        with self._lock:
            call = self._calls.popleft()
            future, piece = call.popleft()
            if call:
                self._calls.append(call)
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(piece())
        except BaseException as error:
            future.set_exception(error)  # for who waits for this piece
            raise
        finally:
            del future, piece, call  # an error has this frame, which would have the error

    def _start(self, workers: int) -> ThreadPoolExecutor:
        import torch

        # Torch keeps the number for each thread, and for threads yet to come: those must not inherit 1.
        threads = torch.get_num_threads()
        started = threading.Barrier(workers + 1)

        def prepare() -> None:
            self._thread.worker = True
            torch.get_num_threads()  # or the first operation sets this thread's number to the process's
            torch.set_num_threads(1)
            started.wait()

        executor = ThreadPoolExecutor(workers, "multi-edit", initializer=prepare)
        for _ in range(workers):
            executor.submit(int)  # a thread is started when something is submitted
        started.wait()
        torch.set_num_threads(threads)
        return executor


_WORKERS = _Workers()
