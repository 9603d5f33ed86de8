"""Add a LoRA to a model by ComfyUI's own key maps and loader, and see how much of it fits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import comfy.lora
import comfy.lora_convert
import comfy.utils
import folder_paths
from comfy.weight_adapter import LoRAAdapter

from ..pipelines.common.errors import InvalidRequest, MultiEditError
from ..pipelines.common.validation import shown
from ..pipelines.planning.model_options import FITS_IN_PART

_FEW = 2  # names that a message shows


def add_lora(
    model: Any, name: str, strength: float, title: str, error: type[MultiEditError] = InvalidRequest
) -> tuple[Any, tuple[str, ...]]:
    """Return the model with a LoRA, the weights being shared, and a warning where only a part of it fits.

    Args:
        model: ComfyUI's MODEL.
        name: of the file in ComfyUI's folders `loras`.
        strength: 1 is as the LoRA was trained.
        title: of the model in messages.
        error: what is raised where nothing of it fits the model.
    """
    path = folder_paths.get_full_path_or_raise("loras", name)
    lora = _Read(comfy.lora_convert.convert_lora(comfy.utils.load_torch_file(path, safe_load=True)))
    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    patches = comfy.lora.load_lora(lora, keys, log_missing=False)
    fitting = {key: patch for key, patch in patches.items() if _fits(patch, key, model)}
    if not fitting:
        raise error(_nothing_fits(name, lora, patches, title), field="multiedit.loras")
    patched = model.clone()
    patched.add_patches(fitting, strength)
    return patched, _warnings(name, lora, patches, fitting, title)


class _Read(dict[str, Any]):
    """A LoRA's tensors, which notes those that ComfyUI reads: it names the others in its log only."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        super().__init__(tensors)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        if key in self:
            self.read.add(key)
        return super().get(key, default)

    @property
    def unread(self) -> list[str]:
        return [name for name in self if name not in self.read]


def _fits(patch: Any, key: Any, model: Any) -> bool:
    """Whether a plain LoRA of two matrices has the shape of its weight; ComfyUI leaves out what has not.

    A weight that is quantised tells no shape, and other kinds of LoRA have none of their own.
    """
    name, part = (key, None) if isinstance(key, str) else key[:2]
    weight = comfy.utils.get_attr(model.model, name)
    plain = isinstance(patch, LoRAAdapter) and patch.weights[3] is None and patch.weights[5] is None
    if not plain or not weight.is_floating_point():
        return True
    up, down = patch.weights[:2]
    shape = list(weight.shape)
    if part is not None:  # of a fused weight: (axis, start, length)
        shape[part[0]] = part[2]
    return bool(up.shape[0] == shape[0]) and math.prod(down.shape[1:]) == math.prod(shape[1:])


def _nothing_fits(name: str, lora: _Read, patches: Mapping[Any, Any], title: str) -> str:
    if patches:
        why = f"none of its {len(patches)} layers has the size of {title}'s"
    else:
        why = f"none of its {len(lora)} tensors is for {title}; one is {shown(next(iter(lora), 'missing'))}"
    return f"LoRA {shown(name)} does not fit: {why}. Choose a LoRA that was made for {title}."


def _warnings(
    name: str, lora: _Read, patches: Mapping[Any, Any], fitting: Mapping[Any, Any], title: str
) -> tuple[str, ...]:
    warnings = []
    if unread := lora.unread:
        few = ", ".join(shown(key) for key in unread[:_FEW])
        warnings.append(
            f"LoRA {shown(name)} {FITS_IN_PART}: {len(unread)} of its {len(lora)} tensors are not for "
            f"{title}, such as {few}."
        )
    if wrong := len(patches) - len(fitting):
        warnings.append(
            f"LoRA {shown(name)} {FITS_IN_PART}: {wrong} of its {len(patches)} layers have another size than "
            f"{title}'s."
        )
    return tuple(warnings)
