"""FLUX 3 Image Klein: text by ComfyUI's plain encoder, references by its node for several.

https://huggingface.co/black-forest-labs/flux-3-image-klein-comfy
"""

from __future__ import annotations

from ..graph import Link, output
from ..graph_builder import GraphBuilder


def build(steps: GraphBuilder) -> Link:
    """Add the nodes of an edit; returns the link to its image."""
    text = {"clip": steps.clip, "text": steps.generation.plan.prompt}
    positive = steps.add("prompt", "CLIPTextEncode", text)
    # The node of the references has a socket for both; without guidance the second is dropped again.
    if steps.profile.guided:
        negative = steps.add("negative", "CLIPTextEncode", {"clip": steps.clip, "text": ""})
    else:
        negative = steps.add("negative", "ConditioningZeroOut", {"conditioning": positive})
    images = {f"images.image{n}": link for n, link in enumerate(steps.fitted_images())}
    references = steps.add(
        "references",
        "ReferenceMultiLatent",
        {"positive": positive, "negative": negative, "vae": steps.vae, "resize": "none", **images},
    )
    model = steps.accelerated(steps.model)
    unwanted = output(references, 1) if steps.profile.guided else None
    latent = steps.latent("EmptyFlux2LatentImage")
    return steps.result(steps.sampled_once(model, references, unwanted, latent, steps.basic_sigmas(model)))
