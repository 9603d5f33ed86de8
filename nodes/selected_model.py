"""The model and profile that a link will bring, read from the graph before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from comfy_execution.graph_utils import is_link

from ..pipelines.adapters.comfyui.profiles.sampling import with_lora
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.catalog.model import AUTO
from .loaded_model import LoadedModel
from .model_folders import select_loaded
from .sampling_inputs import read_sampling, sampled_selection

Inputs = Mapping[str, Any]
Selected = tuple[str, ProfileSelection]

_SOCKET = "loaded_model"
_LOADER = "MultiEditLoadModel"
# The nodes that change a loaded model, and what each makes of a selection.
_CHANGES: Mapping[str, Callable[[ProfileSelection, Inputs], ProfileSelection]] = {
    "MultiEditLora": lambda selection, inputs: with_lora(
        selection, inputs["lora_name"], inputs["strength_model"]
    ),
    "MultiEditSampling": lambda selection, inputs: sampled_selection(selection, read_sampling(inputs)),
}


def selection_of(dynprompt: Any, loaded: Any) -> Selected | None:
    """The model and profile of a loaded model, or those that its loader will select; None if unknown yet.

    Args:
        loaded: a LoadedModel, or the link that it will come over.
    """
    if isinstance(loaded, LoadedModel):
        return loaded.model_id, loaded.selection
    if not is_link(loaded):  # text: the node that takes it will refuse it
        return None
    source = dynprompt.get_node(loaded[0])
    kind, inputs = source["class_type"], source["inputs"]
    if any(isinstance(value, list) for name, value in inputs.items() if name != _SOCKET):
        return None
    if kind == _LOADER:
        return select_loaded({"model": inputs["model"], "profile": inputs.get("model.profile", AUTO)}, inputs)
    if kind in _CHANGES and (before := selection_of(dynprompt, inputs[_SOCKET])):
        return before[0], _CHANGES[kind](before[1], inputs)
    return None
