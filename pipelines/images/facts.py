"""The facts of an image that planning needs. Without any library, so that a plan costs no import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageFacts:
    """The upright size of an image in pixels, and whether it looks like a mask.

    Attributes:
        notes: sentences for the plan: how its colours are converted.
    """

    width: int
    height: int
    looks_like_mask: bool = False
    notes: tuple[str, ...] = ()
