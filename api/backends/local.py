"""Edits from this process: the embedded models and the hosted ones, as many at once as the limits say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping

from ...pipelines.adapters.base import Adapter
from ...pipelines.adapters.local import local_adapters
from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.errors import SafetyError
from ...pipelines.common.settings import Limits
from ...pipelines.editing.pipeline import EditPipeline, EditResult
from ...pipelines.safety.settings import SafetySettings
from ...pipelines.sources.source import SourceLoader
from .base import Edited, EditProgress, Listener, Work


class _Stopped(Exception):
    """Raised in the working thread, at its next stage, when nobody waits for the edit any more."""


class LocalBackend:
    """Runs `EditPipeline` in threads.

    Args:
        at_once: edits at the same time; further ones wait.
        safety: how safe mode is set up.
        adapters: what is carried out, by model id; None for the embedded models.
    """

    def __init__(
        self,
        limits: Limits,
        catalog: Catalog,
        loader: SourceLoader,
        safety: SafetySettings,
        at_once: int,
        adapters: Mapping[str, Adapter] | None = None,
    ) -> None:
        self._classifier = safety.loader()
        self._adapters = local_adapters(limits) if adapters is None else adapters
        self._editor = EditPipeline(
            limits, catalog, self._adapters, loader, self._classifier, policy=safety.policy
        )
        self._room = asyncio.Semaphore(at_once)

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

    async def edit(self, work: Work, listen: Listener) -> Edited:
        """See `Backend.edit`."""
        stop = threading.Event()
        inner = asyncio.ensure_future(self._edit(work, listen, stop))
        inner.add_done_callback(_heard)
        try:
            return Edited.of(await asyncio.shield(inner))
        except asyncio.CancelledError:
            # A thread cannot be cancelled: it ends at its next stage and keeps its place until then.
            stop.set()
            raise

    async def _edit(self, work: Work, listen: Listener, stop: threading.Event) -> EditResult:
        loop = asyncio.get_running_loop()

        def stage(name: str, share: float) -> None:
            if stop.is_set():
                raise _Stopped
            loop.call_soon_threadsafe(listen, EditProgress(name, share))

        async with self._room:
            return await self._editor.edit(work.request, work.options, stage=stage)

    async def close(self) -> None:
        """There is nothing to give back."""


def _heard(inner: asyncio.Future[EditResult]) -> None:
    """Take note of how an edit that nobody waits for has ended, or asyncio complains."""
    if not inner.cancelled():
        inner.exception()
