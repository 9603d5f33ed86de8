"""What planning needs to know of an image. Without any library, so that a plan costs no import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ImageFacts:
    """What the plan needs to know of an image: its upright size in pixels, and if it looks like a mask."""

    width: int
    height: int
    looks_like_mask: bool = False
