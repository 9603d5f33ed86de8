"""Edits under way and the answers that are kept: places, time limits, cancellation, progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, TypeVar

from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.settings import ServerLimits
from .backends.base import Backend, Edited, EditProgress, Work
from .errors import EditCancelled, EditTimeout, NotFound, ServerBusy, drop_traceback
from .responses import error_body

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]

_LOOK_SECONDS = 0.05
_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


class JobProgress(TypedDict):
    """The stage that a job is in, and the share of it that is done, 0 to 1."""

    stage: str
    share: float


class JobState(TypedDict):
    """What is known of a job; `result` is the address of the picture once it is done.

    `error` is what the synchronous answer would have been, `plan` everything that was decided.
    """

    id: str
    status: JobStatus
    created: int
    progress: JobProgress | None
    result: str | None
    error: dict[str, Any] | None
    plan: dict[str, Any] | None


@dataclass(eq=False)
class EditJob:
    """One edit, from the moment that its request is whole.

    Attributes:
        owner: whose it is, a caller's id.
        created: Unix seconds.
        task: what carries it out; let go at its end, since a failed one holds its frames, with the pictures.
        ended: by the clock of `Jobs`, None while it is under way; then `over` is set and `when_over` called.
    """

    id: str
    owner: str
    created: int
    task: asyncio.Task[Edited] | None
    progress: EditProgress | None = None
    ended: float | None = None
    edited: Edited | None = None
    error: MultiEditError | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    when_over: Callable[[EditJob], None] = lambda job: None
    _listeners: set[asyncio.Queue[EditProgress | None]] = field(default_factory=set)

    @property
    def status(self) -> JobStatus:
        if self.ended is None:
            return "running" if self.progress else "queued"
        if isinstance(self.error, EditCancelled):
            return "cancelled"
        return "failed" if self.error else "done"

    def state(self, address: str) -> JobState:
        """The job as JSON; `address` is its own."""
        progress = self.progress
        return {
            "id": self.id,
            "status": self.status,
            "created": self.created,
            "progress": {"stage": progress.stage, "share": round(progress.share, 3)} if progress else None,
            "result": f"{address}/result" if self.edited else None,
            "error": error_body(self.error) if self.error else None,
            "plan": dict(self.edited.plan) if self.edited else None,
        }

    def answer(self) -> Edited:
        """The edit that was made.

        Raises:
            MultiEditError: what it ended with instead.
        """
        if self.error is not None:
            raise self.error
        assert self.edited is not None, "asked before its end"  # noqa: S101
        return self.edited

    def heed(self, progress: EditProgress) -> None:
        """Note how far it is, and tell whoever listens."""
        if self.ended is None:
            self.progress = progress
            self._tell(progress)

    def cancel(self) -> None:
        """End it, unless it has."""
        if self.task is not None:
            self.task.cancel()

    def end(self, ended: float) -> None:
        self.ended = ended
        self.task = None
        self.over.set()
        self._tell(None)
        self.when_over(self)

    def _tell(self, progress: EditProgress | None) -> None:
        for listener in self._listeners:
            listener.put_nowait(progress)

    async def follow(self) -> AsyncIterator[EditProgress]:
        """Every step from now to its end."""
        listener: asyncio.Queue[EditProgress | None] = asyncio.Queue()
        self._listeners.add(listener)
        try:
            if self.progress:
                yield self.progress
            while self.ended is None and (progress := await listener.get()):
                yield progress
        finally:
            self._listeners.discard(listener)


class Jobs:
    """All edits of this server.

    Args:
        clock: seconds, monotonic.
        now: Unix seconds.
    """

    def __init__(
        self,
        backend: Backend,
        limits: ServerLimits,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._places = limits.edits_at_once + limits.edits_waiting
        self._backend = backend
        self._limits = limits
        self._clock = clock
        self._now = now
        self._receiving: set[asyncio.Task[Any]] = set()
        self._running: set[EditJob] = set()
        self._kept: dict[str, EditJob] = {}
        self._closing = False

    @property
    def in_flight(self) -> int:
        return self._limits.edits_at_once + self._limits.edits_waiting - self._places

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the edits in flight, taken before anything of a request's body is read.

        Raises:
            ServerBusy: every place is taken, or the server is ending.
        """
        if self._closing:
            raise _ending()
        if self._places < 1:
            raise ServerBusy(
                f"{self.in_flight} edits are under way or waiting, which is the limit. Try again in a moment."
            )
        self._places -= 1
        try:
            yield
        finally:
            self._places += 1

    async def receive(self, receiving: Coroutine[Any, Any, _T]) -> _T:
        """Wait for a request to be whole; one that is not when the server has to end is refused.

        Raises:
            ServerBusy: the server is ending.
        """
        task = asyncio.ensure_future(receiving)
        self._receiving.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if self._closing and task.cancelled():
                raise _ending() from None
            raise
        finally:
            task.cancel()
            self._receiving.discard(task)

    def start(
        self,
        work: Work,
        owner: str,
        held: contextlib.ExitStack,
        renamed: Callable[[MultiEditError], MultiEditError],
    ) -> EditJob:
        """Begin an edit, which at its end closes what is held for it: its place, its uploads.

        Args:
            renamed: puts an error into the words of the route that was asked.

        Raises:
            ServerBusy: the server is ending.
        """
        if self._closing:
            held.close()
            raise _ending()
        steps: list[Callable[[EditProgress], None]] = []
        edit = self._backend.edit(work, lambda progress: steps[0](progress))
        task = asyncio.ensure_future(asyncio.wait_for(edit, self._limits.edit_seconds))
        job = EditJob(uuid.uuid4().hex, owner, int(self._now()), task)
        steps.append(job.heed)
        self._running.add(job)
        task.add_done_callback(lambda done: self._settle(job, done, held, renamed))
        return job

    def _settle(
        self,
        job: EditJob,
        done: asyncio.Task[Edited],
        held: contextlib.ExitStack,
        renamed: Callable[[MultiEditError], MultiEditError],
    ) -> None:
        self._running.discard(job)
        held.close()
        if done.cancelled():
            job.error = _ending() if self._closing else EditCancelled("The edit was cancelled.")
        elif (raised := done.exception()) is None:
            job.edited = done.result()
        else:
            job.error = renamed(self._known(raised))
            drop_traceback(raised)
        job.end(self._clock())

    def _known(self, raised: BaseException) -> MultiEditError:
        if isinstance(raised, MultiEditError):
            return raised
        if isinstance(raised, asyncio.TimeoutError):
            return EditTimeout(
                f"The edit took longer than {self._limits.edit_seconds:g} s, the waiting included. "
                "Ask for a smaller picture, or try again when the server is less busy."
            )
        _logger.error("an edit failed unexpectedly", exc_info=raised)
        return MultiEditError("The edit failed for a reason that the server has logged.")

    def keep(self, job: EditJob) -> None:
        """Let a job be asked for by its id until its time, or the room for answers, is up."""
        self._tidy()
        self._kept[job.id] = job

    def get(self, job_id: str, owner: str) -> EditJob:
        """Look a kept job up.

        Raises:
            NotFound: there is none, or it is another's.
        """
        self._tidy()
        job = self._kept.get(job_id)
        if job is None or job.owner != owner:
            raise NotFound("There is no such job, or its answer is no longer kept.")
        return job

    def forget(self, job: EditJob) -> None:
        """Cancel a job, and drop its answer."""
        job.cancel()
        self._kept.pop(job.id, None)

    def _tidy(self) -> None:
        oldest = self._clock() - self._limits.job_seconds
        room = self._limits.job_bytes
        for job in reversed(list(self._kept.values())):
            if job.ended is None:
                continue
            room -= len(job.edited.data) if job.edited else 0
            if job.ended < oldest or room < 0:
                del self._kept[job.id]

    async def drain(self) -> None:
        """Take nothing new, let what is under way end for a while, then cancel it. Once is enough."""
        if self._closing:
            return
        self._closing = True
        deadline = self._clock() + self._limits.drain_seconds
        while self.in_flight and self._clock() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        tasks = [*self._receiving, *(job.task for job in self._running if job.task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _ending() -> ServerBusy:
    return ServerBusy("This server is being shut down. Send the request again in a moment.")
