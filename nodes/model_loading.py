"""Load models by ComfyUI's own loader nodes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import comfy.model_management

import nodes

from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.common.errors import InvalidModelFile, InvalidRequest
from ..pipelines.common.validation import shown
from ..pipelines.planning.model_options import LoraChoice
from .loaded_model import LoadedModel
from .lora_loading import add_lora


def load_model(model_id: str, selection: ProfileSelection, weight_dtype: str) -> LoadedModel:
    """Load what was selected; warnings of its LoRAs become notes of the selection.

    Raises:
        InvalidRequest: a weight type for a checkpoint, which has its own, or nothing of a LoRA of the user's
            own fits the model.
        InvalidModelFile: nothing of the profile's LoRA does.
    """
    files = selection.files
    if "checkpoint" in files and weight_dtype != "default":
        raise InvalidRequest(
            f"weight_dtype is {weight_dtype}, but {shown(files['checkpoint'])} is a whole checkpoint, which "
            "ComfyUI loads in its own types. Set weight_dtype to default."
        )
    if "checkpoint" in files:
        model, clip, vae = _run_node("CheckpointLoaderSimple", ckpt_name=files["checkpoint"])
        model, warnings = _with_loras(model, selection)
    else:
        model = _run_node("UNETLoader", unet_name=files["diffusion_model"], weight_dtype=weight_dtype)[0]
        model, warnings = _with_loras(model, selection)
        clip = _load_text_encoders(selection)
        vae = _run_node("VAELoader", vae_name=files["vae"])[0]
    noted = replace(selection, notes=(*selection.notes, *warnings))
    return LoadedModel(model_id, noted, model, clip, vae)


def _with_loras(model: Any, selection: ProfileSelection) -> tuple[Any, list[str]]:
    """The model with its step LoRA and those of the user's own, and what does not fit of them."""
    step = [LoraChoice(selection.files["lora"], 1.0)] if "lora" in selection.files else []
    warnings: list[str] = []
    for lora in (*step, *selection.loras):
        comfy.model_management.throw_exception_if_processing_interrupted()
        error = InvalidRequest if lora in selection.loras else InvalidModelFile
        model, more = add_lora(model, lora.name, lora.strength, selection.profile.name, error)
        warnings += more
    return model, warnings


def _load_text_encoders(selection: ProfileSelection) -> Any:
    first, kind = selection.files["text_encoder"], selection.profile.clip_type
    if second := selection.files.get("text_encoder_2"):
        return _run_node("DualCLIPLoader", clip_name1=second, clip_name2=first, type=kind)[0]
    return _run_node("CLIPLoader", clip_name=first, type=kind)[0]


def _run_node(class_type: str, **inputs: Any) -> Any:
    """Run one of ComfyUI's nodes, unless ComfyUI has been interrupted."""
    comfy.model_management.throw_exception_if_processing_interrupted()
    node: Any = nodes.NODE_CLASS_MAPPINGS[class_type]
    mappings: Mapping[str, Any] = inputs
    return getattr(node(), node.FUNCTION)(**mappings)
