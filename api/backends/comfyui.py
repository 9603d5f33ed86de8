"""Edits on ComfyUIs: each is a job of its own in the queue of the least busy one that can.

On ComfyUI's own server that one ComfyUI is the server itself, over its own address, so that an edit there
and an edit elsewhere take one way. The pictures lie in the input folder under their hash, the result in the
output folder; the history has a small graph of file names.
"""

from __future__ import annotations

import asyncio
import logging
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
from ...pipelines.common.settings import ComfyUILimits, Limits
from ...pipelines.editing.comfyui_pipeline import ComfyUIEditPipeline
from ...pipelines.planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL
from ...pipelines.sources.source import SourceLoader
from .base import Backend, Edited, EditProgress, Listener, Work

_LOOK_SECONDS = 10.0  # how long what was seen of the servers holds
_logger = logging.getLogger(__name__)


class ComfyUIBackend:
    """Runs `ComfyUIEditPipeline`.

    Args:
        addresses: of the ComfyUIs; asked for when they are needed, since a server learns its own when it
            has started.
        at_once: edits at the same time for each ComfyUI, so that one runs and the next is ready; their
            pictures are in memory. Further ones wait on disk.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        limits: Limits,
        catalog: Catalog,
        loader: SourceLoader,
        addresses: Callable[[], Sequence[Address]],
        comfyui_limits: ComfyUILimits,
        at_once: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._catalog = catalog
        self._loader = loader
        self._addresses = addresses
        self._comfyui_limits = comfyui_limits
        self._at_once = at_once
        self._clock = clock
        self._models = ServerModels(resolve_alias=alias_resolver(limits, catalog))
        self._room: asyncio.Semaphore | None = None
        self._looking = asyncio.Lock()
        self._seen: tuple[float, list[ServerFacts]] | None = None

    async def models(self) -> Collection[str]:
        """See `Backend.models`."""
        able = set()
        for facts in await self._facts():
            able |= {model.id for model in self._catalog if self._runs(model.id, facts)}
        return able

    def _runs(self, model: str, facts: ServerFacts) -> bool:
        try:
            self._models.runner(model, facts)
        except ModelUnavailable:
            return False
        return True

    async def _facts(self) -> list[ServerFacts]:
        """What is known of the servers that answer; asked anew after a while."""
        async with self._looking:
            if self._seen is None or self._clock() - self._seen[0] > _LOOK_SECONDS:
                models = [model.id for model in self._catalog]
                nodes, folders = self._models.nodes(models), self._models.folders(models)
                async with connected(self._addresses(), self._comfyui_limits) as clients:
                    seen = await probe(clients, nodes, folders)
                answers = [each.facts for each in seen if isinstance(each.facts, ServerFacts)]
                self._seen = (self._clock(), answers)
            return self._seen[1]

    async def check(self) -> str | None:
        """See `Backend.check`."""
        return None if await self._facts() else "No ComfyUI answers."

    async def edit(self, work: Work, listen: Listener) -> Edited:
        """See `Backend.edit`."""
        addresses = self._addresses()
        self._room = self._room or asyncio.Semaphore(self._at_once * len(addresses))
        progress = _Told(listen)
        # A preview shows the picture before safe mode has seen it.
        preview = None if work.request.safe_mode else progress.preview
        async with self._room:
            try:
                result = await self._editor(addresses).edit(
                    work.request, work.options, progress.stage, preview
                )
            except MultiEditError as error:
                raise for_clients(error, addresses, begun=progress.last.stage == "edit") from None
        edited = Edited.of(result)
        notes = [_without(note, addresses) for note in edited.plan["notes"]]
        return replace(edited, plan={**edited.plan, "notes": notes})

    def _editor(self, addresses: Sequence[Address]) -> ComfyUIEditPipeline:
        graph = partial(request_graph, catalog=self._catalog)
        return ComfyUIEditPipeline(
            self._limits, self._catalog, addresses, self._loader, self._models, graph, self._comfyui_limits
        )

    async def close(self) -> None:
        """There is nothing to give back."""


class _Told:
    """Hands on what a remote edit tells, with the last stage for each preview."""

    def __init__(self, listen: Listener) -> None:
        self._listen = listen
        self.last = EditProgress("load", 0.0)

    def stage(self, name: str, share: float, detail: str) -> None:
        self.last = EditProgress(name, share)
        self._listen(self.last)

    def preview(self, preview: Preview) -> None:
        if preview.media_type == "image/jpeg":
            self._listen(replace(self.last, preview=preview.data))


def for_clients(error: MultiEditError, addresses: Iterable[Address], *, begun: bool) -> MultiEditError:
    """The error without what is the operator's: addresses, and what a ComfyUI says of its insides.

    Args:
        begun: the job was queued, so that a ComfyUI which does not answer has failed it.
    """
    told = _without(error.message, addresses)
    if isinstance(error, ModelUnavailable):
        return ModelUnavailable(told, field=error.field)
    if told == error.message and not isinstance(error, OutputError):
        return error
    _logger.error("an edit failed on a ComfyUI: %s", error.message)
    if isinstance(error, ServerUnreachable) and not begun:
        return ServerUnreachable("No ComfyUI that runs the edits answers. Try again later.")
    return EditFailed("The edit failed on the ComfyUI that ran it. The server's log has the reason.")


def _without(text: str, addresses: Iterable[Address]) -> str:
    for number, address in enumerate(addresses, start=1):
        text = text.replace(f"The ComfyUI at {address}", f"ComfyUI {number}")
        text = text.replace(str(address), f"ComfyUI {number}")
    return text


class RoutingBackend:
    """What can be made from this process is, all else on ComfyUIs."""

    def __init__(self, here: Backend, there: Backend) -> None:
        self._here = here
        self._there = there

    async def models(self) -> Collection[str]:
        """See `Backend.models`."""
        return {*await self._here.models(), *await self._there.models()}

    async def check(self) -> str | None:
        """See `Backend.check`: the embedded models are always there."""
        return await self._here.check()

    async def edit(self, work: Work, listen: Listener) -> Edited:
        """See `Backend.edit`."""
        asked = work.request.model_id
        if asked is None and DEFAULT_MODEL in await self._there.models():
            asked = DEFAULT_MODEL
        here = (asked or EMBEDDED_MODEL) in await self._here.models()
        return await (self._here if here else self._there).edit(work, listen)

    async def close(self) -> None:
        """Close both."""
        await self._here.close()
        await self._there.close()
