"""Edits in this process: the embedded models and the provider's, a limited number at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Collection, Iterator, Mapping
from functools import partial

from ...pipelines.adapters.base import Adapter
from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.errors import SafetyError
from ...pipelines.common.fair_semaphore import FairSemaphore, Hold
from ...pipelines.common.memory import HoldMemory, unbounded
from ...pipelines.common.settings import Limits
from ...pipelines.editing.pipeline import EditPipeline, EditResult
from ...pipelines.planning.provider import PROVIDER
from ...pipelines.planning.request import EditRequest
from ...pipelines.safety.settings import SafetySettings
from ...pipelines.sources.source import SourceLoader
from .base import EditJobRequest, EditProgress, OnProgress

_SHARED_SECONDS = 10.0  # after an edit, for which its caller's share stays free for the next one


class _EditStopped(Exception):
    """Raised in the working thread, at its next stage, once the edit has been cancelled."""


class LocalBackend:
    """Runs `EditPipeline` in threads.

    Args:
        safety: the settings of safe mode.
        at_once: edits of one caller at the same time, and one more of others; further ones wait. Where
            several callers are here, each has its share of those places. Those that a provider makes have as
            many places of their own.
        adapters: by model id.
        hold_memory: holds what an edit takes, for its caller.
    """

    def __init__(
        self,
        limits: Limits,
        catalog: Catalog,
        loader: SourceLoader,
        safety: SafetySettings,
        at_once: int,
        adapters: Mapping[str, Adapter],
        hold_memory: HoldMemory = unbounded,
    ) -> None:
        self._classifier = safety.loader()
        self._adapters = adapters
        self._pipeline = EditPipeline(
            limits, catalog, adapters, loader, self._classifier, policy=safety.policy
        )
        self._measuring = FairSemaphore(at_once + 1, at_once, _SHARED_SECONDS)
        self._checking = FairSemaphore(at_once + 1, at_once, _SHARED_SECONDS)
        self._slots = FairSemaphore(at_once + 1, at_once, _SHARED_SECONDS)
        # What waits for the network has places of its own: it needs no processor.
        self._remote_slots = FairSemaphore(at_once + 1, at_once, _SHARED_SECONDS)
        self._hold_memory = hold_memory

    async def models(self) -> Collection[str]:
        """See `Backend.models`."""
        return self._adapters.keys()

    async def check(self) -> str | None:
        """See `Backend.check`."""
        try:
            await asyncio.to_thread(self._classifier)
        except SafetyError as error:
            return error.message
        return None

    async def check_edit(self, job: EditJobRequest) -> None:
        """See `Backend.check_edit`."""
        async with self._checking.hold(job.owner):
            await self._pipeline.check(job.request)

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        """See `Backend.edit`."""
        stop = threading.Event()
        inner = asyncio.ensure_future(self._edit(job, on_progress, stop))
        inner.add_done_callback(_retrieve_exception)
        try:
            return await asyncio.shield(inner)
        except asyncio.CancelledError:
            # A thread cannot be cancelled: it ends at its next stage, and keeps its slot and its memory until
            # then. What waits for either ends at once.
            stop.set()
            inner.cancel()
            raise

    async def _edit(self, job: EditJobRequest, on_progress: OnProgress, stop: threading.Event) -> EditResult:
        loop = asyncio.get_running_loop()

        def stage(name: str, share: float) -> None:
            if stop.is_set():
                raise _EditStopped
            loop.call_soon_threadsafe(on_progress, EditProgress(name, share))

        async with self._measuring.hold(job.owner):
            need = await self._pipeline.memory(job.request)
        # Memory first: what waits for it takes no place from others.
        slots = self._remote_slots if self._is_remote(job.request) else self._slots
        async with self._hold_memory(job.owner, need) as memory, slots.hold(job.owner):
            away = partial(_without, memory, loop)
            return await self._pipeline.edit(job.request, job.encode_options, stage=stage, away=away)

    def _is_remote(self, request: EditRequest) -> bool:
        adapter = self._adapters.get(request.model_id or "")
        return adapter is not None and adapter.name == PROVIDER


@contextlib.contextmanager
def _without(memory: Hold, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """Give memory back, in a thread beside the loop, and take it again where what follows needs it."""
    loop.call_soon_threadsafe(memory.give_back)
    yield
    asyncio.run_coroutine_threadsafe(memory.take(), loop).result()


def _retrieve_exception(inner: asyncio.Future[EditResult]) -> None:
    """Retrieve the exception of a cancelled edit, or asyncio logs that nobody did."""
    if not inner.cancelled():
        inner.exception()
