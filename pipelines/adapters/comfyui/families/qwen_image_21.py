"""Qwen-Image-2.1, by the nodes that ComfyUI has for it: they encode, and cache the references themselves.

https://github.com/QwenLM/Qwen-Image-2.1
"""

from __future__ import annotations

from ..graph import Link, output
from ..graph_builder import GraphBuilder
from .family import Family


def build(builder: GraphBuilder) -> Link:
    profile = builder.profile
    cache = {"model": builder.model, "device": "auto", "dtype": "default"}
    model = builder.accelerate(builder.add("prefix_cache", "QwenImage21Cache", cache))
    images = {f"images.image_{n}": link for n, link in enumerate(builder.fit_images(), start=1)}
    encoded = builder.add(
        "prompt",
        "TextEncodeQwenImage21",
        {
            "clip": builder.clip,
            "vae": builder.vae,
            "prompt": builder.generation.plan.prompt,
            "negative_prompt": "",
            "resolution": 0,  # the images have their size already
            **images,
        },
    )
    if profile.sigmas:
        values = ", ".join(f"{sigma:g}" for sigma in profile.sigmas)
        sigmas = builder.add("sigmas", "ManualSigmas", {"sigmas": values})
    else:
        sigmas = builder.basic_sigmas(model)
    negative = output(encoded, 1) if profile.guided else None
    latent = builder.start_latent("EmptyLatentImage")
    return builder.finish(builder.sample_once(model, encoded, negative, latent, sigmas))


FAMILY = Family(build)
