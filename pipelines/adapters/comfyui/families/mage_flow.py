"""Mage-Flow-Edit: references and result share their positions, so every reference has the result's size.

https://github.com/microsoft/Mage
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....common.types import Size
from ..graph import Link
from ..graph_builder import GraphBuilder
from ..reference_fit import ReferenceFit
from .family import Family

_VISION_SIDE = 384  # of the copy that the text encoder sees, as ComfyUI's TextEncodeMageFlowEdit has it


def build(builder: GraphBuilder) -> Link:
    model = builder.accelerate(builder.model)
    latent = builder.start_latent("EmptyFlux2LatentImage")  # 128 channels at a sixteenth, as Mage-Flow's own
    sigmas = builder.basic_sigmas(model)
    return builder.finish(builder.sample(model, builder.encode_prompt, latent, sigmas, shrinks=False))


def tokenize(clip: Any, prompt: str, images: list[Any]) -> Any:
    """As TextEncodeMageFlowEdit does; its negative branch has a space where the prompt is empty."""
    return clip.tokenize(prompt or " ", images=images)


def vision_scale(size: Size) -> tuple[float, str]:
    return min(1.0, _VISION_SIDE / max(size)), "bicubic"


def fit_to_result(
    base: ReferenceFit, sizes: Sequence[Size], pixels: int, grid: int, masked: bool
) -> tuple[ReferenceFit, ...]:
    """Fit every reference to the size that is sampled, whose positions it shares."""
    return (base, *(ReferenceFit(base.size) for _ in sizes[1:]))


FAMILY = Family(build, tokenize, vision_scale, fit_references=fit_to_result, model_class="MageFlow")
