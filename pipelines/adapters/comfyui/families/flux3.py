"""FLUX 3 Image Klein: text by ComfyUI's plain encoder, references by its node for several.

https://huggingface.co/black-forest-labs/flux-3-image-klein-comfy
"""

from __future__ import annotations

from ..graph import Link, output
from ..graph_builder import GraphBuilder
from .family import Family, with_tags


def tag(number: int) -> str:
    """The name of an image in a prompt, by its number from 1."""
    return f"<ref_image_{number - 1}>"


def build(builder: GraphBuilder) -> Link:
    generation = builder.generation
    prompt = with_tags(generation.plan.prompt, len(generation.references), tag)
    text = {"clip": builder.clip, "text": prompt}
    positive = builder.add("prompt", "CLIPTextEncode", text)
    # The node of the references has a socket for both; without guidance the second is dropped again.
    if builder.profile.guided:
        negative = builder.add(
            "negative", "CLIPTextEncode", {"clip": builder.clip, "text": builder.profile.negative_prompt}
        )
    else:
        negative = builder.add("negative", "ConditioningZeroOut", {"conditioning": positive})
    images = {f"images.image{n}": link for n, link in enumerate(builder.fit_images())}
    references = builder.add(
        "references",
        "ReferenceMultiLatent",
        {
            "positive": positive,
            "negative": negative,
            "vae": builder.vae,
            "resolution": "keep resolution",  # the images have their size already
            **images,
        },
    )
    model = builder.accelerate(builder.model)
    unwanted = output(references, 1) if builder.profile.guided else None
    latent = builder.start_latent("EmptyFlux2LatentImage")
    return builder.finish(
        builder.sample_once(model, references, unwanted, latent, builder.basic_sigmas(model))
    )


FAMILY = Family(build)
