"""The facts of an image that planning needs. Without any library, so that a plan costs no import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MaskSelection:
    """What an edit mask selects.

    Attributes:
        shares: of the image that may change, 0..1, one for each frame.
        meaning: the part of a mask image that says so, in words; empty for a tensor.
        clear: of `shares`, what is not fainter than `FAINTEST`; the same where it is empty.
    """

    shares: tuple[float, ...]
    meaning: str = ""
    clear: tuple[float, ...] = ()


@dataclass(frozen=True)
class ImageFacts:
    """The upright size of an image in pixels, and whether it looks like a mask.

    Attributes:
        notes: sentences for the plan: how its colours are converted.
        selection: of the image as an edit mask; None where it was not looked at as one.
    """

    width: int
    height: int
    looks_like_mask: bool = False
    notes: tuple[str, ...] = ()
    selection: MaskSelection | None = None
