"""Multi-Edit by a closed model: offered only where the user has configured a provider, and made there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.adapters.local import LOCAL_MODELS
from ..pipelines.adapters.provider.registry import ProviderRegistry, load_provider
from ..pipelines.catalog.lookup import load_catalog
from ..pipelines.common.errors import ModelUnavailable, MultiEditError
from ..pipelines.common.settings import Limits
from ..pipelines.planning import provider
from .model_inputs import model_options
from .progress import reporter, show_text

if TYPE_CHECKING:
    from torch import Tensor

    from ..pipelines.editing.edit_tensors import EditedTensors
    from ..pipelines.planning.tensor_plan import EditSettings

_logger = logging.getLogger(__name__)


def hosted_options() -> list[io.DynamicCombo.Option]:
    """The choices of the closed models; none without a provider, or with one that is set up wrongly."""
    try:
        hosting = load_provider(Limits.from_environment())
    except MultiEditError as error:
        _say_once(error.message)
        return []
    return model_options([hosting.catalog.get(model) for model in hosting.models], qualities=True)


@lru_cache(maxsize=8)
def _say_once(message: str) -> None:
    """ComfyUI asks for a schema many times."""
    _logger.error("multi-edit: no closed model is offered: %s", message)


def find_hosted(model_id: str) -> ProviderRegistry | None:
    """What a model is made by where it is a closed one that this node offers."""
    if model_id in LOCAL_MODELS:
        return None
    hosting = load_provider(Limits.from_environment())
    return hosting if model_id in hosting.models else None


def require_offered(cls: type[io.ComfyNode]) -> None:
    """Say of a closed model that the graph asks for, and this ComfyUI does not offer, why that is.

    Raises:
        ModelUnavailable: the graph asks for such a one. Of any other nothing is said.
    """
    asked = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"].get("model")
    for model in load_catalog():
        if model.id == asked and model.weights == "closed":
            raise ModelUnavailable(f"{provider.closed_model_reason(model)}.", field="model")


async def hosted_edit(
    cls: type[io.ComfyNode],
    hosting: ProviderRegistry,
    settings: EditSettings,
    pictures: Mapping[int, Tensor],
    mask: Tensor | None,
) -> EditedTensors:
    """Edit at the provider, frame by frame; the node shows the price and how long it takes.

    It runs in a thread, so that other nodes go on. ComfyUI's interruption closes the connection.
    """
    limits = Limits.from_environment()
    adapters = hosting.adapters(limits, lambda text: show_text(cls, text))
    images, report = list(pictures.values()), reporter()

    def edit() -> Any:
        import torch

        from ..pipelines.editing.edit_tensors import edit_tensors
        from ..pipelines.planning.tensor_plan import frames_of, plan_tensors

        names = {model: adapter.name for model, adapter in adapters.items()}
        plan = plan_tensors(settings, images, mask is not None, hosting.catalog, names)
        adapters[plan.model].require(plan, frames_of(images, mask))
        with torch.inference_mode():  # of ComfyUI's own thread alone
            return edit_tensors(settings, images, mask, hosting.catalog, adapters, report)

    edited: EditedTensors = await asyncio.to_thread(edit)
    return edited
