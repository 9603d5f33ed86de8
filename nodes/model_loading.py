"""Loading by ComfyUI's own loader nodes, after a look at each file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.adapters.comfyui.profiles.weights_file import check_weights
from ..pipelines.common.errors import InvalidRequest
from .loaded_model import LoadedModel
from .model_folders import identity

_TITLES = {
    "diffusion_model": "the diffusion model",
    "text_encoder": "the text encoder",
    "vae": "the VAE",
    "checkpoint": "the checkpoint",
    "lora": "the step LoRA",
}


def load_model(model_id: str, choice: ProfileSelection, weight_dtype: str) -> LoadedModel:
    """Load what was chosen.

    Raises:
        InvalidModelFile: a file is cut short or of another architecture; the message names it.
        InvalidRequest: a weight type for a checkpoint, which has its own.
    """
    files = choice.files
    if "checkpoint" in files and weight_dtype != "default":
        raise InvalidRequest(
            f"weight_dtype is {weight_dtype}, but {files['checkpoint']} is a whole checkpoint, which ComfyUI "
            "loads in the types that it has. Set weight_dtype to default."
        )
    _check_files(choice)
    if "checkpoint" in files:
        model, clip, vae = _call("CheckpointLoaderSimple", ckpt_name=files["checkpoint"])
    else:
        model = _call("UNETLoader", unet_name=files["diffusion_model"], weight_dtype=weight_dtype)[0]
        clip = _call("CLIPLoader", clip_name=files["text_encoder"], type=choice.profile.clip_type)[0]
        vae = _call("VAELoader", vae_name=files["vae"])[0]
    loaded = LoadedModel(model_id, choice, model, clip, vae, identity(choice))
    return with_lora(loaded, files["lora"], 1.0) if "lora" in files else loaded


def with_lora(loaded: LoadedModel, lora: str, strength: float) -> LoadedModel:
    """The same with a LoRA on its diffusion model; "none" changes nothing."""
    if lora == "none" or strength == 0:
        return loaded
    names = {"model": loaded.model, "lora_name": lora, "strength_model": strength}
    return replace(loaded, model=_call("LoraLoaderModelOnly", **names)[0])


def _check_files(choice: ProfileSelection) -> None:
    import folder_paths

    for part, name in choice.files.items():
        described = choice.profile.parts[part]
        path = folder_paths.get_full_path_or_raise(described.folder, name)
        check_weights(path, described, f"{_TITLES[part]} of {choice.profile.name}", name)


def _call(class_type: str, **inputs: Any) -> Any:
    """Run one of ComfyUI's nodes."""
    import nodes

    node: Any = nodes.NODE_CLASS_MAPPINGS[class_type]
    mappings: Mapping[str, Any] = inputs
    return getattr(node(), node.FUNCTION)(**mappings)
