"""Edits on ComfyUI servers: each is a prompt in the queue of the least busy server that has the model.

On ComfyUI's own server that is the server itself, over its own address, so that both cases take one way.
The images lie in the input folder under their hash, the result in the output folder; the history has a
small graph of file names.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from functools import partial

from ...pipelines.adapters.comfyui.client.address import Address
from ...pipelines.adapters.comfyui.client.client import ServerFacts
from ...pipelines.adapters.comfyui.client.pool import connected, probe
from ...pipelines.adapters.comfyui.client.progress_events import Preview
from ...pipelines.adapters.comfyui.client.server_models import ServerModels
from ...pipelines.adapters.comfyui.request_graph import request_graph
from ...pipelines.catalog.aliases import alias_resolver
from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.errors import (
    EditFailed,
    ModelUnavailable,
    MultiEditError,
    OutputError,
    ServerUnreachable,
)
from ...pipelines.common.fair_semaphore import FairSemaphore
from ...pipelines.common.memory import HoldMemory, unbounded
from ...pipelines.common.settings import ComfyUILimits, Limits
from ...pipelines.editing.comfyui_pipeline import ComfyUIEditPipeline
from ...pipelines.editing.pipeline import EditResult, check_request
from ...pipelines.planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL
from ...pipelines.safety.settings import SafetySettings
from ...pipelines.sources.source import SourceLoader
from .base import EditJobRequest, EditProgress, OnProgress

_PROBE_SECONDS = 10.0  # how long the facts about the servers stay valid
_logger = logging.getLogger(__name__)


class ComfyUIBackend:
    """Runs `ComfyUIEditPipeline`.

    Args:
        addresses: gives the servers' addresses; called late, since a server knows its own once it has
            started.
        at_once: edits at the same time for each server, so that one runs and the next is ready; their
            images are in memory. Further ones wait on disk.
        hold_memory: holds what the images of an edit take while they are read.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        limits: Limits,
        catalog: Catalog,
        loader: SourceLoader,
        addresses: Callable[[], Sequence[Address]],
        comfyui_limits: ComfyUILimits,
        safety: SafetySettings,
        at_once: int,
        hold_memory: HoldMemory = unbounded,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._catalog = catalog
        self._loader = loader
        self._addresses = addresses
        self._comfyui_limits = comfyui_limits
        self._safety = safety
        self._at_once = at_once
        self._hold_memory = hold_memory
        self._clock = clock
        self._models = ServerModels(resolve_alias=alias_resolver(limits, catalog))
        self._slots: FairSemaphore | None = None
        self._checking = FairSemaphore(at_once)
        self._probe_lock = asyncio.Lock()
        self._probed: tuple[float, list[ServerFacts]] | None = None

    async def models(self) -> Collection[str]:
        """See `Backend.models`."""
        available = set()
        for facts in await self._facts():
            available |= {model.id for model in self._catalog if self._runs(model.id, facts)}
        return available

    def _runs(self, model: str, facts: ServerFacts) -> bool:
        try:
            self._models.runner(model, facts)
        except ModelUnavailable:
            return False
        return True

    async def _facts(self) -> list[ServerFacts]:
        """Return the facts about the servers that respond; they are probed again after a while."""
        async with self._probe_lock:
            if self._probed is None or self._clock() - self._probed[0] > _PROBE_SECONDS:
                models = [model.id for model in self._catalog]
                nodes, folders = self._models.nodes(models), self._models.folders(models)
                async with connected(self._addresses(), self._comfyui_limits) as clients:
                    probed = await probe(clients, nodes, folders)
                facts = [each.facts for each in probed if isinstance(each.facts, ServerFacts)]
                self._probed = (self._clock(), facts)
            return self._probed[1]

    async def check(self) -> str | None:
        """See `Backend.check`."""
        return None if await self._facts() else "No ComfyUI server responds."

    async def check_edit(self, job: EditJobRequest) -> None:
        """See `Backend.check_edit`; whether a server has the model is seen when the edit is planned."""
        request = job.request
        if request.model_id is None and DEFAULT_MODEL not in await self.models():
            request = replace(request, model_id=EMBEDDED_MODEL)
        adapters = {model.id: "comfyui" for model in self._catalog}
        async with self._checking.hold(job.owner):
            await check_request(request, self._loader, self._limits, self._catalog, adapters)

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        """See `Backend.edit`."""
        addresses = self._addresses()
        self._slots = self._slots or FairSemaphore(self._at_once * len(addresses))
        progress = _ProgressRelay(on_progress)
        # A preview shows the image before safe mode has checked it.
        preview = None if job.request.safe_mode else progress.preview
        async with self._slots.hold(job.owner):
            try:
                result = await self._pipeline(addresses, job.owner).edit(
                    job.request, job.encode_options, progress.stage, preview
                )
            except MultiEditError as error:
                raise redact_error(error, addresses, queued=progress.last.stage == "edit") from None
        notes = tuple(_redact(note, addresses) for note in result.plan.notes)
        return replace(result, plan=replace(result.plan, notes=notes))

    def _pipeline(self, addresses: Sequence[Address], owner: str) -> ComfyUIEditPipeline:
        graph = partial(request_graph, catalog=self._catalog)
        return ComfyUIEditPipeline(
            self._limits,
            self._catalog,
            addresses,
            self._loader,
            self._models,
            graph,
            self._comfyui_limits,
            self._safety,
            self._hold_memory,
            owner,
            keep_history=self._comfyui_limits.comfyui_history,
        )


class _ProgressRelay:
    """Passes on the progress of a remote edit, with the last stage for each preview."""

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self.last = EditProgress("load", 0.0)

    def stage(self, name: str, share: float, detail: str) -> None:
        self.last = EditProgress(name, share)
        self._on_progress(self.last)

    def preview(self, preview: Preview) -> None:
        if preview.media_type == "image/jpeg":
            self._on_progress(replace(self.last, preview=preview.data))


def redact_error(error: MultiEditError, addresses: Iterable[Address], *, queued: bool) -> MultiEditError:
    """Return the error without what is the operator's: addresses, and a ComfyUI's own messages.

    Args:
        queued: the prompt was queued, so that a server which does not respond has failed the edit.
    """
    message = _redact(error.message, addresses)
    if isinstance(error, ModelUnavailable):
        return ModelUnavailable(message, field=error.field)
    if message == error.message and not isinstance(error, OutputError):
        return error
    _logger.error("an edit failed on a ComfyUI: %s", error.message)
    if isinstance(error, ServerUnreachable) and not queued:
        return ServerUnreachable("No ComfyUI server responds. Retry later.")
    return EditFailed("The edit failed in ComfyUI. See the server's log.")


def _redact(text: str, addresses: Iterable[Address]) -> str:
    for number, address in enumerate(addresses, start=1):
        text = re.sub(f"(The |the )?(ComfyUI at )?{re.escape(str(address))}", f"ComfyUI {number}", text)
    return text
