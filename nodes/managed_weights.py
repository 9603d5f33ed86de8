"""Put weights under ComfyUI's memory management: on its device while needed, off it when it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from comfy import model_management
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from .progress import uninterrupted

_BESIDE_WEIGHTS = 1 << 29  # bytes that judging eight views and a large image takes at most


class _Held(torch.nn.Module):
    """Tensors by name; a parameter's own name cannot hold a dot."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_parameter(name.replace(".", "/"), torch.nn.Parameter(tensor, requires_grad=False))

    def tensors(self) -> dict[str, Tensor]:
        return {name.replace("/", "."): tensor for name, tensor in self.named_parameters()}


def in_comfyui(weights: Mapping[str, Tensor]) -> Callable[[], Mapping[str, Tensor]]:
    """A `DevicePlacement` for the classifiers of safe mode: it asks ComfyUI for room at each call."""
    held = _Held(weights)
    patcher = ModelPatcher(
        torch.nn.ModuleDict({"classifier": held}),
        load_device=model_management.get_torch_device(),
        offload_device=model_management.text_encoder_offload_device(),
    )

    def ready() -> Mapping[str, Tensor]:
        with uninterrupted():
            model_management.load_models_gpu([patcher], memory_required=_BESIDE_WEIGHTS, force_full_load=True)
        return held.tensors()

    return ready
