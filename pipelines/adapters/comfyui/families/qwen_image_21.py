"""Qwen-Image-2.1, by the nodes that ComfyUI has for it: they encode, and cache the references themselves.

https://github.com/QwenLM/Qwen-Image-2.1
"""

from __future__ import annotations

from ..graph import Link, output
from ..graph_builder import GraphBuilder


def build(steps: GraphBuilder) -> Link:
    """Add the nodes of an edit; returns the link to its image."""
    profile = steps.profile
    cache = {"model": steps.model, "device": "auto", "dtype": "default"}
    model = steps.accelerated(steps.add("prefix_cache", "QwenImage21Cache", cache))
    images = {f"images.image_{n}": link for n, link in enumerate(steps.fitted_images(), start=1)}
    encoded = steps.add(
        "prompt",
        "TextEncodeQwenImage21",
        {
            "clip": steps.clip,
            "vae": steps.vae,
            "prompt": steps.generation.plan.prompt,
            "negative_prompt": "",
            "resolution": 0,  # the images have their size already
            **images,
        },
    )
    if profile.sigmas:
        values = ", ".join(f"{sigma:g}" for sigma in profile.sigmas)
        sigmas = steps.add("sigmas", "ManualSigmas", {"sigmas": values})
    else:
        sigmas = steps.basic_sigmas(model)
    negative = output(encoded, 1) if profile.guided else None
    latent = steps.latent("EmptyLatentImage")
    return steps.result(steps.sampled_once(model, encoded, negative, latent, sigmas))
