"""What ComfyUI's own objects tell of a model, a text encoder and a VAE from any loader."""

from __future__ import annotations

from typing import Any

from ..pipelines.adapters.comfyui.families import MODEL_CLASSES
from ..pipelines.adapters.comfyui.profiles.given_parts import GivenParts, select_for_parts
from ..pipelines.adapters.comfyui.profiles.registry import load_all_profiles
from ..pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from ..pipelines.adapters.comfyui.profiles.weights_header import Tensor

_TIMESTEP_ZERO = "index_timestep_zero"  # the mark of Qwen-Image-Edit-2511, no tensor once it is loaded


def select_profile_of(model: Any, clip: Any, vae: Any, asked: str | None) -> ProfileSelection:
    """Select the profile of a MODEL with a CLIP and a VAE (see `select_for_parts`, also for the errors)."""
    return select_for_parts(_look_at(model, clip, vae), load_all_profiles(), MODEL_CLASSES, asked)


def _look_at(model: Any, clip: Any, vae: Any) -> GivenParts:
    base = model.model
    tensors = {
        name: Tensor("", tuple(tensor.shape), 0) for name, tensor in base.diffusion_model.state_dict().items()
    }
    if base.model_config.unet_config.get("default_ref_method") == _TIMESTEP_ZERO:
        tensors[f"__{_TIMESTEP_ZERO}__"] = Tensor("", (0,), 0)
    latent = base.latent_format
    return GivenParts(
        model_classes=[kind.__name__ for kind in type(base).__mro__],
        tensors=tensors,
        tokenizer=type(clip.tokenizer).__name__,
        model_latent=(latent.latent_channels, latent.latent_dimensions),
        vae_latent=(vae.latent_channels, vae.latent_dim),
        vae_channels=vae.output_channels,
    )
