"""Qwen-Image-Edit and its relatives: 2509, 2511, FireRed, and all-in-one checkpoints of them.

The text encoder sees a small copy of every reference, the transformer sees their latents behind its own
(https://github.com/QwenLM/Qwen-Image).
"""

from __future__ import annotations

import math
from typing import Any

from ....common.types import Size
from ..graph import Link
from ..graph_builder import GraphBuilder
from .family import Family

_VISION_PIXELS = 384 * 384  # of the copy that the text encoder sees, as TextEncodeQwenImageEditPlus has it
# Of one image with the text encoder's placeholder for it; ComfyUI's tokenizer has the words around.
_PLACEHOLDER = "<|vision_start|><|image_pad|><|vision_end|>"


def build(builder: GraphBuilder) -> Link:
    profile = builder.profile
    model = builder.model
    if profile.shift is not None:
        model = builder.add("shift", "ModelSamplingAuraFlow", {"model": model, "shift": profile.shift})
    if profile.cfg_norm is not None:
        model = builder.add("cfg_norm", "CFGNorm", {"model": model, "strength": profile.cfg_norm})
    model = builder.accelerate(model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        encoded = builder.encode_prompt(name, text, references)
        if profile.reference_method is None:
            return encoded
        method = {"conditioning": encoded, "reference_latents_method": profile.reference_method}
        return builder.add(f"{name}_method", "FluxKontextMultiReferenceLatentMethod", method)

    latent = builder.start_latent("EmptySD3LatentImage")
    return builder.finish(builder.sample(model, condition, latent, builder.basic_sigmas(model)))


def tokenize(clip: Any, prompt: str, images: list[Any]) -> Any:
    """As TextEncodeQwenImageEditPlus has it: the template for one image, with several numbered ones."""
    template = clip.tokenizer.llama_template_images.replace(_PLACEHOLDER, "")
    named = "".join(f"Picture {number}: {_PLACEHOLDER}" for number in range(1, len(images) + 1))
    return clip.tokenize(named + prompt, images=images, llama_template=template)


def vision_scale(size: Size) -> tuple[float, str]:
    return math.sqrt(_VISION_PIXELS / math.prod(size)), "area"


FAMILY = Family(build, tokenize, vision_scale, model_class="QwenImage", takes_shift=True)
