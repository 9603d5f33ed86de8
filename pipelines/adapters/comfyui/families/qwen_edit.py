"""Qwen-Image-Edit and its relatives: 2509, 2511, FireRed, and all-in-one checkpoints of them.

The text encoder sees a small copy of every reference, the transformer sees their latents behind its own
(https://github.com/QwenLM/Qwen-Image).
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder


def build(steps: GraphBuilder) -> Link:
    """Add the nodes of an edit; returns the link to its image."""
    profile = steps.profile
    model = steps.model
    if profile.shift is not None:
        model = steps.add("shift", "ModelSamplingAuraFlow", {"model": model, "shift": profile.shift})
    if profile.cfg_norm is not None:
        model = steps.add("cfg_norm", "CFGNorm", {"model": model, "strength": profile.cfg_norm})
    model = steps.accelerated(model)

    def condition(name: str, text: str, references: list[Link]) -> Link:
        encoded = steps.prompt(name, text, references)
        if profile.reference_method is None:
            return encoded
        method = {"conditioning": encoded, "reference_latents_method": profile.reference_method}
        return steps.add(f"{name}_method", "FluxKontextMultiReferenceLatentMethod", method)

    latent = steps.latent("EmptySD3LatentImage")
    return steps.result(steps.sampled(model, condition, latent, steps.basic_sigmas(model)))
