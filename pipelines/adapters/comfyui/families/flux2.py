"""FLUX.2: klein and dev. The text encoder never sees a picture, so a prompt's encoding serves any.

https://github.com/black-forest-labs/flux2
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder


def build(steps: GraphBuilder) -> Link:
    """Add the nodes of an edit; returns the link to its image."""
    profile = steps.profile
    model = steps.accelerated(steps.model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        encoded = steps.prompt(name, text, references)
        if profile.guidance is None:
            return encoded
        guidance = {"conditioning": encoded, "guidance": profile.guidance}
        return steps.add(f"{name}_guidance", "FluxGuidance", guidance)

    width, height = steps.generation.work
    schedule = {"steps": profile.steps, "width": width, "height": height}
    sigmas = steps.add("sigmas", "Flux2Scheduler", schedule)
    latent = steps.latent("EmptyFlux2LatentImage")
    return steps.result(steps.sampled(model, condition, latent, sigmas))
