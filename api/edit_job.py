"""A job: one edit on its way, its progress, and the result or the error that it ends with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict

from ..pipelines.common.errors import MultiEditError
from ..pipelines.editing.pipeline import EditResult
from .backends.base import EditProgress
from .error_responses import error_body
from .errors import EditCancelled
from .stored_bytes import StoredBytes

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]


class JobProgress(TypedDict):
    """The stage that a job is in, and the share of it that is done, 0 to 1."""

    stage: str
    share: float


class JobState(TypedDict):
    """The state of a job; `result` is the address of its image once it is done.

    `error` is the body of the synchronous error response, `plan` the plan of the edit.
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
    """One edit, from the moment that its request is complete.

    Attributes:
        owner: the id of the caller.
        created: Unix seconds.
        on_end: called once, after `finished` is set.
        task: runs the edit; dropped at its end, since a failed task holds its frames, with the images.
        ended: by the clock of `JobManager`; None until then.
        stored: the image of a result that waits to be fetched, whose `file` has no bytes then.
    """

    id: str
    owner: str
    created: int
    on_end: Callable[[EditJob], None] | None = None
    task: asyncio.Task[EditResult] | None = None
    progress: EditProgress | None = None
    ended: float | None = None
    result: EditResult | None = None
    error: MultiEditError | None = None
    stored: StoredBytes | None = None
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _subscribers: set[asyncio.Queue[EditProgress | None]] = field(default_factory=set)

    @property
    def status(self) -> JobStatus:
        if self.ended is None:
            return "running" if self.progress else "queued"
        if isinstance(self.error, EditCancelled):
            return "cancelled"
        return "failed" if self.error else "done"

    def state(self, address: str) -> JobState:
        """Return the job as JSON; `address` is its own."""
        progress = self.progress
        return {
            "id": self.id,
            "status": self.status,
            "created": self.created,
            "progress": {"stage": progress.stage, "share": round(progress.share, 3)} if progress else None,
            "result": f"{address}/result" if self.result else None,
            "error": error_body(self.error) if self.error else None,
            "plan": self.result.plan.to_dict() if self.result else None,
        }

    def require_result(self) -> EditResult:
        """Return the result of a finished job.

        Raises:
            MultiEditError: the error that the job ended with.
        """
        if self.error is not None:
            raise self.error
        assert self.result is not None, "the job has not finished"  # noqa: S101
        return self.result

    async def load_result(self) -> EditResult:
        """Return the result of a finished job, with its image. Raises what `require_result` raises."""
        result = self.require_result()
        if self.stored is None:
            return result
        return replace(result, file=replace(result.file, data=await self.stored.read()))

    def on_progress(self, progress: EditProgress) -> None:
        """Note the progress, and pass it to the subscribers."""
        if self.ended is None:
            self.progress = progress
            self._publish(progress)

    def cancel(self) -> None:
        """Cancel the job, unless it has ended."""
        if self.task is not None:
            self.task.cancel()

    def close(self) -> None:
        """Delete what is stored."""
        if self.stored is not None:
            self.stored.close()

    def end(self, ended: float) -> None:
        """Mark the job as ended; its result or its error has been set before."""
        self.ended = ended
        self.task = None
        self.finished.set()
        self._publish(None)
        if self.on_end is not None:
            self.on_end(self)

    def _publish(self, progress: EditProgress | None) -> None:
        for subscriber in self._subscribers:
            if subscriber.full():  # a slow client misses what is out of date
                subscriber.get_nowait()
            subscriber.put_nowait(progress)

    async def follow(self) -> AsyncIterator[EditProgress]:
        """Yield the progress from now to the end of the job."""
        subscriber: asyncio.Queue[EditProgress | None] = asyncio.Queue(1)
        self._subscribers.add(subscriber)
        try:
            if self.progress:
                yield self.progress
            while self.ended is None and (progress := await subscriber.get()):
                yield progress
        finally:
            self._subscribers.discard(subscriber)
