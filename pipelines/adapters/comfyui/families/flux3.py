"""FLUX 3 Image Klein: text by ComfyUI's plain encoder, references by its node for several.

https://huggingface.co/black-forest-labs/flux-3-image-klein-comfy
"""

from __future__ import annotations

from ..graph import Link, output
from ..graph_builder import GraphBuilder
from .family import Family, with_tags

# The settings are those of the makers' template, the words are ours. It wants no tags in the caption.
_UPSAMPLING = {
    "max_length": 3584,
    "sampling_mode": "on",
    "sampling_mode.temperature": 1.0,
    "sampling_mode.top_k": 1,
    "sampling_mode.top_p": 0.95,
    "sampling_mode.min_p": 0.0,
    "sampling_mode.repetition_penalty": 1.0,
    "sampling_mode.seed": 0,
    "thinking": False,
    "use_default_template": True,
    "system_prompt": (
        "You write captions for a model that edits images. You see its images in order and a short request. "
        "Answer with one paragraph of plain English, 50 to 150 words, that a stranger with the same images "
        "could follow: what changes and how it looks afterwards, which image each thing is taken from (the "
        "first image, the second image), and what stays as it is. Keep every wish, number and wording of "
        "the request, name only what can be seen or was asked for, and put text to be written in double "
        "quotes. No headings, lists or tags."
    ),
}


def tag(number: int) -> str:
    """The name of an image in a prompt, by its number from 1."""
    return f"<ref_image_{number - 1}>"


def build(builder: GraphBuilder) -> Link:
    generation = builder.generation
    prompt = with_tags(generation.plan.prompt, len(generation.references), tag)
    fitted = builder.fit_images()
    text = {"clip": builder.clip, "text": _upsampled(builder, fitted) if builder.upsampler else prompt}
    positive = builder.add("prompt", "CLIPTextEncode", text)
    # The node of the references has a socket for both; without guidance the second is dropped again.
    if builder.profile.guided:
        negative = builder.add(
            "negative", "CLIPTextEncode", {"clip": builder.clip, "text": builder.profile.negative_prompt}
        )
    else:
        negative = builder.add("negative", "ConditioningZeroOut", {"conditioning": positive})
    images = {f"images.image{n}": link for n, link in enumerate(fitted)}
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


def _upsampled(builder: GraphBuilder, images: list[Link]) -> Link:
    """The prompt, written anew by the text generator, which sees the images."""
    batch = images[0]
    if len(images) > 1:
        sockets = {f"images.image{n}": link for n, link in enumerate(images)}
        batch = builder.add("upsampler_images", "BatchImagesNode", sockets)
    asked = {"clip": builder.upsampler, "prompt": builder.generation.plan.prompt, "image": batch}
    return builder.add("upsampler", "TextGenerate", {**asked, **_UPSAMPLING})


FAMILY = Family(build, upsamples=True)
