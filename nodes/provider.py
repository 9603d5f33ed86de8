"""Multi-Edit by a closed model: offered where a provider is configured, and made by it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.adapters.local import LOCAL_MODELS
from ..pipelines.adapters.provider.registry import ProviderRegistry, load_provider
from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.settings import Limits
from .model_inputs import model_options
from .progress import progress_callback, show_text

if TYPE_CHECKING:
    from torch import Tensor

    from ..pipelines.editing.edit_tensors import EditedTensors
    from ..pipelines.planning.tensor_plan import EditSettings

_logger = logging.getLogger(__name__)


def provider_options() -> list[io.DynamicCombo.Option]:
    """The options of the closed models; none without a provider, or with invalid settings of one."""
    try:
        registry = load_provider(Limits.from_environment())
    except MultiEditError as error:
        _log_once(error.message)
        return []
    return model_options([registry.catalog.get(model) for model in registry.models], qualities=True)


@lru_cache(maxsize=8)
def _log_once(message: str) -> None:
    """ComfyUI asks for a schema many times."""
    _logger.error("multi-edit: no closed model is offered: %s", message)


def find_provider(model_id: str) -> ProviderRegistry | None:
    """The provider of a closed model that this node offers; None for any other model."""
    if model_id in LOCAL_MODELS:
        return None
    registry = load_provider(Limits.from_environment())
    return registry if model_id in registry.models else None


async def edit_at_provider(
    cls: type[io.ComfyNode],
    registry: ProviderRegistry,
    settings: EditSettings,
    images: Mapping[int, Tensor],
    mask: Tensor | None,
) -> EditedTensors:
    """Edit at the provider, frame by frame; the node shows the price and the status.

    It runs in a thread, so that other nodes go on. ComfyUI's interruption closes the connection.
    """
    limits = Limits.from_environment()
    adapters = registry.adapters(limits, lambda text: show_text(cls, text))
    batches, on_progress = list(images.values()), progress_callback()

    def edit() -> Any:
        import torch

        from ..pipelines.editing.edit_tensors import edit_tensors
        from ..pipelines.planning.tensor_plan import frames_of, plan_tensors

        names = {model: adapter.name for model, adapter in adapters.items()}
        plan = plan_tensors(settings, batches, mask, registry.catalog, names)
        adapters[plan.model].require(plan, frames_of(batches, mask))
        with torch.inference_mode():  # of ComfyUI's own thread alone
            return edit_tensors(settings, batches, mask, registry.catalog, adapters, on_progress)

    edited: EditedTensors = await asyncio.to_thread(edit)
    return edited
