"""The choice of the backend: this process for the models that it has, ComfyUI servers for all others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ...pipelines.adapters.base import Adapter
from ...pipelines.adapters.comfyui.client.address import Address
from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.memory import MemoryBudget
from ...pipelines.common.settings import ComfyUILimits, Limits, ServerLimits
from ...pipelines.editing.pipeline import EditResult
from ...pipelines.planning.plan import DEFAULT_MODEL, EMBEDDED_MODEL
from ...pipelines.safety.settings import SafetySettings
from ...pipelines.sources.source import SourceLoader
from .base import Backend, EditJobRequest, OnProgress
from .comfyui import ComfyUIBackend
from .local import LocalBackend


def make_backend(
    limits: Limits,
    catalog: Catalog,
    loader: SourceLoader,
    server_limits: ServerLimits,
    adapters: Mapping[str, Adapter],
    addresses: Callable[[], Sequence[Address]] | None,
) -> Backend:
    """Make the backend that the environment configures.

    Args:
        server_limits: edits at the same time, in this process and on each server, and their memory here.
        adapters: run in this process, by model id.
        addresses: of the ComfyUI servers for all other models, see `ComfyUIBackend`; None without any.
    """
    safety, at_once = SafetySettings.from_environment(), server_limits.edits_at_once
    hold_memory = MemoryBudget(server_limits.memory_bytes).hold
    comfyui = addresses and ComfyUIBackend(
        limits, catalog, loader, addresses, ComfyUILimits.from_environment(), safety, at_once, hold_memory
    )
    if comfyui and not adapters:
        return comfyui
    local = LocalBackend(limits, catalog, loader, safety, at_once, adapters, hold_memory)
    return RoutingBackend(local, comfyui) if comfyui else local


class RoutingBackend:
    """Runs edits in this process where it has the model, all others on ComfyUI servers."""

    def __init__(self, local: Backend, comfyui: Backend) -> None:
        self._local = local
        self._comfyui = comfyui

    async def models(self) -> Collection[str]:
        """See `Backend.models`."""
        return {*await self._local.models(), *await self._comfyui.models()}

    async def check(self) -> str | None:
        """See `Backend.check`: the embedded models always run."""
        return await self._local.check()

    async def check_edit(self, job: EditJobRequest) -> None:
        """See `Backend.check_edit`."""
        await (await self._choose(job)).check_edit(job)

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        """See `Backend.edit`."""
        return await (await self._choose(job)).edit(job, on_progress)

    async def _choose(self, job: EditJobRequest) -> Backend:
        model = job.request.model_id
        if model is None and DEFAULT_MODEL in await self._comfyui.models():
            model = DEFAULT_MODEL
        return self._local if (model or EMBEDDED_MODEL) in await self._local.models() else self._comfyui
