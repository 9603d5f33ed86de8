"""Boogu-Image-Edit: with guidance only the prompt's branch sees the image, both have its latent.

https://huggingface.co/Boogu/Boogu-Image-0.1-Edit
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder
from . import qwen_edit, qwen_edit_first
from .family import Family


def build(builder: GraphBuilder) -> Link:
    model = builder.accelerate(builder.model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        return builder.encode_prompt(name, text, references, vision=not name.startswith("negative"))

    # The shift is for the schedule alone, as the template has it.
    shifted = {"model": model, "shift": builder.profile.shift}
    sigmas = builder.basic_sigmas(builder.add("shift", "ModelSamplingAuraFlow", shifted))
    latent = builder.start_latent("EmptySD3LatentImage")
    return builder.finish(builder.sample(model, condition, latent, sigmas))


FAMILY = Family(
    build, qwen_edit_first.tokenize, qwen_edit.vision_scale, model_class="Boogu", takes_shift=True
)
