"""Encoding pictures and prompts by ComfyUI's own encoders, each content once.

ComfyUI drops the results of nodes inside an expansion whenever the outer node was cached in a run; what is
dear to compute is therefore kept here too, by content and by the weights' file; never on the card, also where
ComfyUI leaves its own results there (--gpu-only).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...pipelines.adapters.comfyui.pixels import fitted, fitted_mask, framed, latent_mask, opaque
from ...pipelines.adapters.comfyui.profiles.profile import Family, Profile
from ...pipelines.common.lru_cache import LRUCache
from ...pipelines.images.fingerprint import fingerprint
from ...pipelines.images.resample import resize
from ..loaded_model import LoadedModel, Reference

if TYPE_CHECKING:
    from torch import Tensor

    from ...pipelines.adapters.comfyui.reference_fit import ReferenceFit

_MEBIBYTE = 2**20
# Of one picture with the text encoder's placeholder for it; ComfyUI's tokenizer has the words around.
_PLACEHOLDER = "<|vision_start|><|image_pad|><|vision_end|>"


def _bytes(value: Any) -> int:
    """How much memory the tensors in a nested value take."""
    if hasattr(value, "numel"):
        return int(value.numel() * value.element_size())
    if isinstance(value, Mapping):
        return sum(map(_bytes, value.values()))
    return sum(map(_bytes, value)) if isinstance(value, (list, tuple)) else 0


LATENTS: LRUCache[Tensor] = LRUCache("latents of pictures", 128 * _MEBIBYTE, _bytes)
VISION: LRUCache[Any] = LRUCache("what the text encoder saw", 128 * _MEBIBYTE, _bytes)
PROMPTS: LRUCache[Any] = LRUCache("encoded prompts", 256 * _MEBIBYTE, _bytes)


def latent_of(loaded: LoadedModel, image: Tensor) -> Tensor:
    """The latent of a picture [1, H, W, 3] by the model's VAE."""
    key = (loaded.weights_of("vae"), fingerprint(image))
    return LATENTS.get(key, lambda: loaded.vae.encode(image).cpu())


def reference_of(loaded: LoadedModel, image: Tensor, fit: ReferenceFit) -> Reference:
    """A picture [1, H, W, 3 or 4] as a reference."""
    shown = framed(opaque(image), fit)
    vision = _vision_copy(shown, loaded.profile)
    content = "" if vision is None else fingerprint(vision)
    return Reference(latent_of(loaded, resize(shown, fit.size)), vision, content)


def conditioning_of(loaded: LoadedModel, prompt: str, references: Sequence[Reference]) -> Any:
    """A prompt with its references as ComfyUI's CONDITIONING."""
    import node_helpers

    seen = [reference.content for reference in references if reference.vision is not None]
    key = (loaded.profile.family, loaded.weights_of("text_encoder"), prompt, *seen)
    encoded = PROMPTS.get(key, lambda: _on(_encoded(loaded, prompt, references), "cpu"))
    latents = {"reference_latents": [reference.latent for reference in references]}
    return node_helpers.conditioning_set_values(encoded, latents, append=True)


def _encoded(loaded: LoadedModel, prompt: str, references: Sequence[Reference]) -> Any:
    pictures = [reference.vision for reference in references if reference.vision is not None]
    tokens = _TOKENIZERS[loaded.profile.family](loaded.clip, prompt, pictures)
    with _remembering_vision(loaded):
        return loaded.clip.encode_from_tokens_scheduled(tokens)


def _qwen_tokens(clip: Any, prompt: str, pictures: list[Tensor]) -> Any:
    """As TextEncodeQwenImageEditPlus has it: the template for one picture, with several numbered ones."""
    template = clip.tokenizer.llama_template_images.replace(_PLACEHOLDER, "")
    named = "".join(f"Picture {number}: {_PLACEHOLDER}" for number in range(1, len(pictures) + 1))
    return clip.tokenize(named + prompt, images=pictures, llama_template=template)


_TOKENIZERS: Mapping[Family, Callable[[Any, str, list[Any]], Any]] = {
    "qwen-edit": _qwen_tokens,
    "flux2": lambda clip, prompt, pictures: clip.tokenize(prompt),
    "mage-flow": lambda clip, prompt, pictures: clip.tokenize(prompt or " ", images=pictures),
}


def _vision_copy(image: Tensor, profile: Profile) -> Tensor | None:
    """The small copy for the text encoder, scaled as ComfyUI's node of the family does."""
    height, width = image.shape[1:3]
    if profile.vision_side is not None:
        factor, method = min(1.0, profile.vision_side / max(height, width)), "bicubic"
    elif profile.vision_pixels is not None:
        factor, method = math.sqrt(profile.vision_pixels / (height * width)), "area"
    else:
        return None
    return image if factor == 1.0 else _scaled(image, factor, method)


def _scaled(image: Tensor, factor: float, method: str) -> Tensor:
    from comfy.utils import common_upscale

    height, width = (max(1, round(side * factor)) for side in image.shape[1:3])
    scaled: Tensor = common_upscale(image.movedim(-1, 1), width, height, method, "disabled")
    return scaled.movedim(1, -1)


@contextlib.contextmanager
def _remembering_vision(loaded: LoadedModel) -> Iterator[None]:
    """Have the text encoder take the features of a picture that it has seen before from `VISION`.

    ComfyUI has no hook for it; the method is replaced on this one object for the time of one encoding.
    """
    stage = loaded.clip.cond_stage_model
    transformer = getattr(stage, stage.clip).transformer
    look = getattr(transformer, "preprocess_embed", None)
    if look is None:
        yield
        return

    def remembered(embed: Any, device: Any) -> Any:
        if embed["type"] != "image":
            return look(embed, device)
        key = (loaded.weights_of("text_encoder"), fingerprint(embed["data"]))
        return _on(VISION.get(key, lambda: _on(look(embed, device), "cpu")), device)

    transformer.preprocess_embed = remembered
    try:
        yield
    finally:
        del transformer.preprocess_embed


def _on(value: Any, device: Any) -> Any:
    """A nested value with its tensors on a device."""
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: _on(part, device) for name, part in value.items()}
    return type(value)(_on(part, device) for part in value) if isinstance(value, (list, tuple)) else value


def masked_latent(
    loaded: LoadedModel, image: Tensor, mask: Tensor, fit: ReferenceFit, seeds: int
) -> dict[str, Tensor]:
    """ComfyUI's LATENT of a base [1, H, W, 3 or 4] that may change where a mask [1, h, w] is 1."""
    change = latent_mask(fitted_mask(mask, image, fit), loaded.profile.grid)
    latent = latent_of(loaded, fitted(opaque(image), fit))
    return {"samples": latent.repeat(seeds, *[1] * (latent.ndim - 1)), "noise_mask": change}
