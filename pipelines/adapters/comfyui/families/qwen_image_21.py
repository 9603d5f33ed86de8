"""Qwen-Image-2.1, by the nodes that ComfyUI has for it: they encode, and cache the references themselves.

https://github.com/QwenLM/Qwen-Image-2.1
"""

from __future__ import annotations

from collections.abc import Sequence

from ....common.types import Size
from ..graph import Link, output
from ..graph_builder import GraphBuilder
from ..reference_fit import ReferenceFit, on_budget
from .family import Family, with_tags


def tag(number: int) -> str:
    """The name of an image in a prompt, by its number from 1."""
    return f"<image{number}>"


def fit_base_to_result(
    base: ReferenceFit, sizes: Sequence[Size], pixels: int, grid: int, masked: bool
) -> tuple[ReferenceFit, ...]:
    """Fit image 1 to the size that is sampled, since any other shifts the edit; the others to an area."""
    return (base, *(ReferenceFit(on_budget(size, pixels, grid)) for size in sizes[1:]))


def build(builder: GraphBuilder) -> Link:
    profile, generation = builder.profile, builder.generation
    count = len(generation.references)
    prompt = generation.plan.prompt
    cache = {"model": builder.model, "device": "auto", "dtype": "default"}
    model = builder.accelerate(builder.add("prefix_cache", "QwenImage21Cache", cache))
    images = {f"images.image_{n}": link for n, link in enumerate(builder.fit_images(alpha=True), start=1)}
    encoded = builder.add(
        "prompt",
        "TextEncodeQwenImage21",
        {
            "clip": builder.clip,
            "vae": builder.vae,
            "prompt": with_tags(prompt, count, tag) if count > 1 else prompt,
            "negative_prompt": profile.negative_prompt,
            "resolution": 0,  # the images have their size already
            **images,
        },
    )
    if profile.sigmas:
        values = ", ".join(f"{sigma:g}" for sigma in profile.sigmas)
        sigmas = builder.last_sigmas(builder.add("sigmas", "ManualSigmas", {"sigmas": values}))
    else:
        sigmas = builder.basic_sigmas(model)
    negative = output(encoded, 1) if profile.guided else None
    latent = builder.start_latent("EmptyLatentImage")
    return builder.finish(builder.sample_once(model, encoded, negative, latent, sigmas))


FAMILY = Family(build, fit_references=fit_base_to_result, alpha=True)
