"""FLUX.2: klein and dev. The text encoder never sees an image, so a prompt's encoding serves any.

https://github.com/black-forest-labs/flux2
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder
from .family import Family


def build(builder: GraphBuilder) -> Link:
    profile = builder.profile
    model = builder.accelerate(builder.model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        encoded = builder.encode_prompt(name, text, references)
        if profile.reference_method and not builder.generation.kv_cache:  # the cache sets it by itself
            method = {"conditioning": encoded, "reference_latents_method": profile.reference_method}
            encoded = builder.add(f"{name}_method", "FluxKontextMultiReferenceLatentMethod", method)
        if profile.guidance is None:
            return encoded
        guidance = {"conditioning": encoded, "guidance": profile.guidance}
        return builder.add(f"{name}_guidance", "FluxGuidance", guidance)

    sigmas = _sigmas(builder) if profile.scheduler == "flux2" else builder.basic_sigmas(model)
    latent = builder.start_latent("EmptyFlux2LatentImage")
    return builder.finish(builder.sample(model, condition, latent, sigmas))


def _sigmas(builder: GraphBuilder) -> Link:
    """The schedule of the size; with less noise the end of one of so many more steps, as KSampler has it."""
    width, height = builder.generation.work
    steps = int(builder.profile.steps / builder.profile.denoise)
    schedule = {"steps": steps, "width": width, "height": height}
    return builder.last_sigmas(builder.add("sigmas", "Flux2Scheduler", schedule))


# A colour that hardly any photograph has, so that a prompt can name it: "fill the green area".
FAMILY = Family(build, extension_fill="#00ff00", model_class="Flux2")
