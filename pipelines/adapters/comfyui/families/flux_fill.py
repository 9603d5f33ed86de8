"""FLUX.1 Fill dev: the base without what the mask selects, and the mask, are channels of the model's input.

It has no references: what is to be in the mask is told by the prompt and by the surroundings.
https://github.com/black-forest-labs/flux
"""

from __future__ import annotations

from collections.abc import Sequence

from ....common.types import Size
from ..graph import Link
from ..graph_builder import GraphBuilder
from ..reference_fit import ReferenceFit
from .family import Family


def build(builder: GraphBuilder) -> Link:
    profile = builder.profile
    model = builder.add("soft_mask", "DifferentialDiffusion", {"model": builder.model, "strength": 1.0})
    model = builder.accelerate(model)

    def condition(name: str, text: str) -> Link:
        guided = {"conditioning": builder.encode_prompt(name, text, []), "guidance": profile.guidance}
        return builder.inpaint(name, builder.add(f"{name}_guidance", "FluxGuidance", guided))

    positive = condition("prompt", builder.generation.plan.prompt)
    negative = condition("negative", profile.negative_prompt) if profile.guided else None
    latent = builder.start_latent("EmptySD3LatentImage")
    sigmas = builder.basic_sigmas(model)
    return builder.finish(builder.sample_once(model, positive, negative, latent, sigmas))


def without_references(
    base: ReferenceFit, sizes: Sequence[Size], pixels: int, grid: int, masked: bool
) -> tuple[ReferenceFit, ...]:
    """Fit nothing: the model takes the base through inputs of its own."""
    return ()


FAMILY = Family(build, fit_references=without_references, model_class="Flux")
