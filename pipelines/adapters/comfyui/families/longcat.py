"""LongCat-Image-Edit: one image, seen by the text encoder as the first Qwen-Image-Edit has it.

https://github.com/meituan-longcat/LongCat-Image
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder
from . import qwen_edit_first
from .family import Family


def build(builder: GraphBuilder) -> Link:
    profile = builder.profile
    model = builder.accelerate(builder.model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        guided = {
            "conditioning": builder.encode_prompt(name, text, references),
            "guidance": profile.guidance,
        }
        method = {
            "conditioning": builder.add(f"{name}_guidance", "FluxGuidance", guided),
            "reference_latents_method": profile.reference_method,
        }
        return builder.add(f"{name}_method", "FluxKontextMultiReferenceLatentMethod", method)

    latent = builder.start_latent("EmptySD3LatentImage")
    return builder.finish(builder.sample(model, condition, latent, builder.basic_sigmas(model)))


FAMILY = Family(build, qwen_edit_first.tokenize, sees_reference=True, model_class="LongCatImage")
