"""Load models by ComfyUI's own loader nodes, after a check of each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import comfy.model_management
import folder_paths

import nodes

from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.adapters.comfyui.profiles.weights_file import check_weights
from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import shown
from .loaded_model import LoadedModel

_TITLES = {
    "diffusion_model": "the diffusion model",
    "text_encoder": "the text encoder",
    "vae": "the VAE",
    "checkpoint": "the checkpoint",
    "lora": "the step LoRA",
}


def load_model(model_id: str, selection: ProfileSelection, weight_dtype: str) -> LoadedModel:
    """Load what was selected.

    Raises:
        InvalidModelFile: a file is cut short or of another architecture; the message names it.
        InvalidRequest: a weight type for a checkpoint, which has its own.
    """
    files = selection.files
    if "checkpoint" in files and weight_dtype != "default":
        raise InvalidRequest(
            f"weight_dtype is {weight_dtype}, but {shown(files['checkpoint'])} is a whole checkpoint, which "
            "ComfyUI loads in its own types. Set weight_dtype to default."
        )
    _check_files(selection)
    if "checkpoint" in files:
        model, clip, vae = _run_node("CheckpointLoaderSimple", ckpt_name=files["checkpoint"])
    else:
        model = _run_node("UNETLoader", unet_name=files["diffusion_model"], weight_dtype=weight_dtype)[0]
        clip = _run_node("CLIPLoader", clip_name=files["text_encoder"], type=selection.profile.clip_type)[0]
        vae = _run_node("VAELoader", vae_name=files["vae"])[0]
    loaded = LoadedModel(model_id, selection, model, clip, vae)
    return with_lora(loaded, files["lora"], 1.0) if "lora" in files else loaded


def with_lora(loaded: LoadedModel, lora: str, strength: float) -> LoadedModel:
    """The same with a LoRA on its diffusion model; "none" changes nothing."""
    if lora == "none" or strength == 0:
        return loaded
    names = {"model": loaded.model, "lora_name": lora, "strength_model": strength}
    return replace(loaded, model=_run_node("LoraLoaderModelOnly", **names)[0])


def _check_files(selection: ProfileSelection) -> None:
    for part, name in selection.files.items():
        described = selection.profile.parts[part]
        path = folder_paths.get_full_path_or_raise(described.folder, name)
        check_weights(path, described, f"{_TITLES[part]} of {selection.profile.name}", name)


def _run_node(class_type: str, **inputs: Any) -> Any:
    """Run one of ComfyUI's nodes, unless ComfyUI has been interrupted."""
    comfy.model_management.throw_exception_if_processing_interrupted()
    node: Any = nodes.NODE_CLASS_MAPPINGS[class_type]
    mappings: Mapping[str, Any] = inputs
    return getattr(node(), node.FUNCTION)(**mappings)
