"""The plan's notes about overlays that are made larger than their own pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..common.types import Size
from ..images.facts import ImageFacts
from ..layers.placement import Placement, place

_FACTOR = 1.5  # below it a photograph's loss of sharpness is hardly seen


def enlarged_notes(
    placements: Mapping[int, Placement], images: Sequence[ImageFacts], canvas: Size
) -> Iterator[str]:
    """Say which overlays, by number from 1, are drawn much larger than their own pixels on a canvas."""
    for number, placement in placements.items():
        own = (images[number - 1].width, images[number - 1].height)
        box = place(placement, own, canvas)
        factor = max(box.width / own[0], box.height / own[1])
        if placement.visible and factor >= _FACTOR:
            yield (
                f"Image {number} is enlarged {factor:.3g} times, from {own[0]}x{own[1]} to "
                f"{box.width}x{box.height}, and looks soft. Its placement sets its size: fit none keeps its "
                "own pixels."
            )
