"""FLUX.1 Kontext dev: several images lie beside each other in the model's own space of positions.

The template stitches a second image to the first; its note names what is done here, a latent for each.
https://github.com/black-forest-labs/flux
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder
from .family import Family


def build(builder: GraphBuilder) -> Link:
    model = builder.accelerate(builder.model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        guided = {
            "conditioning": builder.encode_prompt(name, text, references),
            "guidance": builder.profile.guidance,
        }
        return builder.add(f"{name}_guidance", "FluxGuidance", guided)

    latent = builder.start_latent("EmptySD3LatentImage")
    return builder.finish(builder.sample(model, condition, latent, builder.basic_sigmas(model)))


FAMILY = Family(build, model_class="Flux")
