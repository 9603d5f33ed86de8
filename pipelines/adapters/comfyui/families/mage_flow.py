"""Mage-Flow-Edit: references and result share their positions, so every reference has the result's size.

https://github.com/microsoft/Mage
"""

from __future__ import annotations

from ..graph import Link
from ..graph_builder import GraphBuilder


def build(steps: GraphBuilder) -> Link:
    """Add the nodes of an edit; returns the link to its image."""
    model = steps.accelerated(steps.model)
    latent = steps.latent("EmptyFlux2LatentImage")  # 128 channels at a sixteenth, as Mage-Flow's own
    sigmas = steps.basic_sigmas(model)
    return steps.result(steps.sampled(model, steps.prompt, latent, sigmas, shrinks=False))
