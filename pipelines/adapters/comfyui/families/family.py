"""A model family: all that its edits need beside the data of a profile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ....common.types import Size
from ..graph import Link
from ..graph_builder import GraphBuilder
from ..reference_fit import FitReferences, fit_to_budget

NEUTRAL = "#808080"
"""Grey, which says nothing of what belongs there."""
_NUMBERED = re.compile(r"(?<![<\w])(?:image|picture)[ _]?(\d{1,2})\b(?!>)", re.IGNORECASE)


def tokenize_text(clip: Any, prompt: str, images: list[Any]) -> Any:
    """Tokenize a prompt for a text encoder that sees no images."""
    return clip.tokenize(prompt)


def with_tags(prompt: str, count: int, tag: Callable[[int], str]) -> str:
    """Write "image 2" and "picture 2" in a prompt as the tag by which a model knows its second image.

    Args:
        count: of the images; a higher number is left alone.
        tag: of an image by its number, which begins with 1.
    """

    def tagged(match: re.Match[str]) -> str:
        number = int(match[1])
        return tag(number) if 1 <= number <= count else match[0]

    return _NUMBERED.sub(tagged, prompt)


@dataclass(frozen=True)
class Family:
    """The way in which the edits of a family of models are made.

    Attributes:
        build: adds the nodes of an edit to a graph; returns the link to its image.
        tokenize: (ComfyUI's CLIP, prompt, images that the text encoder sees) -> tokens.
        vision_scale: (width, height) of an image -> the factor and ComfyUI's method by which the copy for
            the text encoder is scaled; None where that sees no images, or where ComfyUI's own node makes
            the copy.
        sees_reference: the text encoder sees the very pixels that the VAE encodes, no smaller copy.
        fit_references: how each image becomes a reference.
        upsamples: a text generator may write the prompt anew from the images.
        alpha: the VAE has an alpha channel, so that images keep theirs.
        model_class: of `comfy.model_base`, by which a model that is loaded already is known; "" where no
            ComfyUI that could be had has it.
        takes_shift: the graph sets the profile's shift.
        extension_fill: what the model is shown where image 1 is extended (see `extend_image`).
    """

    build: Callable[[GraphBuilder], Link]
    tokenize: Callable[[Any, str, list[Any]], Any] = tokenize_text
    vision_scale: Callable[[Size], tuple[float, str]] | None = None
    sees_reference: bool = False
    fit_references: FitReferences = fit_to_budget
    upsamples: bool = False
    alpha: bool = False
    model_class: str = ""
    takes_shift: bool = False
    extension_fill: str = NEUTRAL
