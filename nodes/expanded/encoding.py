"""Encode images and prompts by ComfyUI's own encoders, each content once for a loaded model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import node_helpers
from comfy.utils import common_upscale

from ...pipelines.adapters.comfyui.families import FAMILIES
from ...pipelines.adapters.comfyui.pixels import fitted, fitted_mask, framed, latent_mask, opaque
from ...pipelines.images.fingerprint import fingerprint
from ...pipelines.images.resample import resize
from ..loaded_model import LoadedModel, Reference
from .encoding_cache import on_device

if TYPE_CHECKING:
    from torch import Tensor

    from ...pipelines.adapters.comfyui.reference_fit import ReferenceFit


def encode_latent(loaded: LoadedModel, image: Tensor) -> Tensor:
    """Encode an image [1, H, W, 3 or 4] by the model's VAE."""
    latent: Tensor = loaded.encodings.get("latent", fingerprint(image), lambda: loaded.vae.encode(image))
    return latent


def encode_reference(loaded: LoadedModel, image: Tensor, fit: ReferenceFit) -> Reference:
    """Encode an image [1, H, W, 3 or 4] as a reference."""
    shown = framed(opaque(image), fit)
    scaled = resize(shown, fit.size)
    vision = scaled if FAMILIES[loaded.profile.family].sees_reference else _vision_copy(shown, loaded)
    content = "" if vision is None else fingerprint(vision)
    return Reference(encode_latent(loaded, scaled), vision, content)


def encode_prompt(
    loaded: LoadedModel, prompt: str, references: Sequence[Reference], vision: bool = True
) -> Any:
    """Encode a prompt with its references as ComfyUI's CONDITIONING.

    Args:
        vision: False has the text encoder see none of the references.
    """
    shown = [reference for reference in references if vision and reference.vision is not None]
    seen = tuple(reference.content for reference in shown)
    encoded = loaded.encodings.get("prompt", (prompt, seen), lambda: _encode(loaded, prompt, shown))
    if not references:
        return encoded
    latents = {"reference_latents": [reference.latent for reference in references]}
    return node_helpers.conditioning_set_values(encoded, latents, append=True)


def encode_masked_latent(
    loaded: LoadedModel, image: Tensor, mask: Tensor | None, fit: ReferenceFit, batch_size: int
) -> dict[str, Tensor]:
    """ComfyUI's LATENT of a base [1, H, W, 3 or 4] that may change where a mask [1, h, w] is 1.

    Without a mask it may change everywhere.
    """
    shown = image if FAMILIES[loaded.profile.family].alpha else opaque(image)
    latent = encode_latent(loaded, fitted(shown, fit))
    samples = {"samples": latent.repeat(batch_size, *[1] * (latent.ndim - 1))}
    if mask is None:
        return samples
    return {**samples, "noise_mask": latent_mask(fitted_mask(mask, image, fit), loaded.profile.cell)}


def add_surroundings(
    loaded: LoadedModel, conditioning: Any, image: Tensor, mask: Tensor, fit: ReferenceFit
) -> Any:
    """Add a base [1, H, W, 3 or 4] and a mask [1, h, w], 1 = change, as InpaintModelConditioning does.

    What the mask selects is grey in the base, with a hard edge.
    """
    change = fitted_mask(mask, image, fit)
    kept = 1.0 - change.round()[..., None]
    grey = (fitted(opaque(image), fit) - 0.5) * kept + 0.5
    added = {"concat_latent_image": encode_latent(loaded, grey), "concat_mask": change[:, None]}
    return node_helpers.conditioning_set_values(conditioning, added)


def _encode(loaded: LoadedModel, prompt: str, shown: Sequence[Reference]) -> Any:
    images = [reference.vision for reference in shown]
    tokens = FAMILIES[loaded.profile.family].tokenize(loaded.clip, prompt, images)
    if not images:
        return loaded.clip.encode_from_tokens_scheduled(tokens)
    clip = _with_cached_vision(loaded)
    try:
        return clip.encode_from_tokens_scheduled(tokens)
    finally:
        clip.patcher.unpatch_model(unpatch_weights=False)


def _with_cached_vision(loaded: LoadedModel) -> Any:
    """A clone of the text encoder that takes the features of an image that it has seen from the cache.

    The patch is on the clone's patcher, which shares the weights: ComfyUI applies it when it loads the clone.
    """
    clip = loaded.clip.clone()
    name = f"{clip.cond_stage_model.clip}.transformer.preprocess_embed"
    preprocess = clip.patcher.get_model_object(name)

    def preprocess_cached(embed: Any, device: Any) -> Any:
        if embed["type"] != "image":
            return preprocess(embed, device)
        key = fingerprint(embed["data"])
        features = loaded.encodings.get("vision", key, lambda: preprocess(embed, device))
        return on_device(features, device)

    clip.patcher.add_object_patch(name, preprocess_cached)
    return clip


def _vision_copy(image: Tensor, loaded: LoadedModel) -> Tensor | None:
    """The small copy for the text encoder, scaled as ComfyUI's node of the family does."""
    vision_scale = FAMILIES[loaded.profile.family].vision_scale
    if vision_scale is None:
        return None
    factor, method = vision_scale((image.shape[2], image.shape[1]))
    if factor == 1.0:
        return image
    height, width = (max(1, round(side * factor)) for side in image.shape[1:3])
    scaled: Tensor = common_upscale(image.movedim(-1, 1), width, height, method, "disabled")
    return scaled.movedim(1, -1)
