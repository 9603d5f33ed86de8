"""All jobs of a server: time limits, errors, kept results, and the shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.settings import LARGEST_SEED, ServerLimits
from ..pipelines.common.validation import describe
from ..pipelines.editing.archive import Pack
from ..pipelines.editing.pipeline import EditResult
from .backends.base import Backend, EditJobRequest
from .edit_job import EditJob
from .errors import EditCancelled, EditTimeout, NotFound, ServerBusy, drop_traceback
from .public_errors import public_error
from .slots import Slot, Slots
from .stored_bytes import StoredBytes

_POLL_SECONDS = 0.05
_MARGIN_SECONDS = 1.0  # timers may be early
_T = TypeVar("_T")
_logger = logging.getLogger(__name__)


class JobManager:
    """Starts, keeps and cancels the jobs of a server.

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
        self._slots = Slots(limits.edits_at_once + limits.edits_waiting)
        self._backend = backend
        self._limits = limits
        self._clock = clock
        self._now = now
        self._running: set[EditJob] = set()
        self._kept: dict[str, EditJob] = {}
        self._closing = False

    @property
    def in_flight(self) -> int:
        return self._slots.in_flight

    def require_slot(self) -> None:
        """Check that an edit would be accepted now. Raises ServerBusy, as `reserve_slot`."""
        if self._closing:
            raise _shutting_down()
        self._slots.require_free()

    @contextlib.contextmanager
    def reserve_slot(self, owner: str) -> Iterator[Slot]:
        """Hold one slot of the edits in flight, see `Slots.reserve`.

        Raises:
            ServerBusy: no slot is free, or the server is shutting down.
        """
        if self._closing:
            raise _shutting_down()
        with self._slots.reserve(owner) as slot:
            yield slot

    async def receive(self, slot: Slot, receiving: Coroutine[Any, Any, _T]) -> _T:
        """Wait until a request is complete, or the server shuts down.

        Raises:
            ServerBusy: the server is shutting down, or the slot has gone to another caller.
        """
        return await self._slots.receive(slot, receiving)

    def start(
        self,
        prepare: Callable[[], Awaitable[EditJobRequest]],
        owner: str,
        resources: contextlib.ExitStack,
        translate: Callable[[MultiEditError], MultiEditError],
        on_end: Callable[[EditJob], None] | None = None,
    ) -> EditJob:
        """Start an edit; its end closes `resources`: its slot, its uploads.

        Args:
            prepare: completes the request before the edit has its turn.
            translate: gives an error the field names and the status of the route.

        Raises:
            ServerBusy: the server is shutting down.
        """
        if self._closing:
            resources.close()
            raise _shutting_down()
        job = EditJob(uuid.uuid4().hex, owner, int(self._now()), on_end)

        async def edit() -> EditResult:
            result = await self._edit_all(await prepare(), job)
            return await self._stored(job, result) if job.id in self._kept else result

        job.task = asyncio.ensure_future(asyncio.wait_for(edit(), self._limits.edit_seconds))
        self._running.add(job)
        job.task.add_done_callback(lambda done: self._finish(job, done, resources, translate))
        return job

    async def _edit_all(self, request: EditJobRequest, job: EditJob) -> EditResult:
        first = await self._backend.edit(request, job.on_progress)
        more = []
        for number in range(1, request.count):
            extras = replace(request.request.multiedit, seed=(first.plan.seed + number) % (LARGEST_SEED + 1))
            again = replace(request, request=replace(request.request, multiedit=extras))
            more.append((await self._backend.edit(again, job.on_progress)).file)
        return replace(first, more=tuple(more))

    async def _stored(self, job: EditJob, result: EditResult) -> EditResult:
        """Move the image, or a pack of several, to disk, until it is fetched. Raises StorageFull."""
        if result.more:
            packed = Pack()
            for file in (result.file, *result.more):
                packed.add(file)
            result = replace(result, file=packed.finish(), more=())
        job.stored = await StoredBytes.write(result.file.data)
        return replace(result, file=replace(result.file, data=b""))

    def _finish(
        self,
        job: EditJob,
        done: asyncio.Task[EditResult],
        resources: contextlib.ExitStack,
        translate: Callable[[MultiEditError], MultiEditError],
    ) -> None:
        self._running.discard(job)
        resources.close()
        if done.cancelled():
            job.error = _shutting_down() if self._closing else EditCancelled("The edit was cancelled.")
        elif (raised := done.exception()) is None:
            job.result = done.result()
        else:
            job.error = translate(public_error(self._as_multi_edit_error(raised), job.owner))
            drop_traceback(raised)
        job.end(self._clock())
        if job.id in self._kept:
            self._evict()
            asyncio.get_running_loop().call_later(self._limits.job_seconds + _MARGIN_SECONDS, self._evict)
        else:
            job.close()

    def _as_multi_edit_error(self, raised: BaseException) -> MultiEditError:
        if isinstance(raised, MultiEditError):
            return raised
        if isinstance(raised, asyncio.TimeoutError):
            return EditTimeout(
                f"The edit took longer than {self._limits.edit_seconds:g} s, the time in the queue included. "
                "Request a smaller image, or retry when the server is less busy."
            )
        _logger.error("an edit failed unexpectedly", exc_info=raised)
        return MultiEditError("The edit failed unexpectedly. See the server's log.")

    def keep(self, job: EditJob) -> None:
        """Keep a job for `get` until it expires or later results need its memory."""
        self._evict()
        self._kept[job.id] = job

    def get(self, job_id: str, owner: str) -> EditJob:
        """Look up a kept job.

        Raises:
            NotFound: the job is unknown, expired or another caller's.
        """
        self._evict()
        job = self._kept.get(job_id)
        if job is None or job.owner != owner:
            raise NotFound(
                f"Unknown job {describe(job_id)}. It was deleted, its result has expired "
                f"({self._limits.job_seconds:g} s after its end), or another key started it."
            )
        return job

    def discard(self, job: EditJob) -> None:
        """Cancel a job, and drop its result."""
        job.cancel()
        job.close()
        self._kept.pop(job.id, None)

    def _evict(self) -> None:
        oldest = self._clock() - self._limits.job_seconds
        free_bytes = self._limits.job_bytes
        for job in reversed(list(self._kept.values())):
            if job.ended is None:
                continue
            free_bytes -= job.stored.size if job.stored else 0
            if job.ended < oldest or free_bytes < 0:
                self._kept.pop(job.id).close()

    async def drain(self) -> None:
        """Refuse new edits, give those in flight `drain_seconds`, then cancel them. Runs once."""
        if self._closing:
            return
        self._closing = True
        deadline = self._clock() + self._limits.drain_seconds
        while self.in_flight and self._clock() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
        tasks = [job.task for job in self._running if job.task]
        for task in tasks:
            task.cancel()
        tasks += self._slots.end_receiving(_shutting_down())
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in self._kept.values():
            job.close()


def _shutting_down() -> ServerBusy:
    return ServerBusy("The server is shutting down. Retry in a moment.")
