"""The plan's notes about parts of image 1: what a mask lets change, and what the result's shape cuts away."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..catalog.model import Model
from ..common.errors import InvalidRequest
from ..common.types import Size
from ..images.facts import MaskSelection
from ..layers.placement import Placement, place

_COVER = Placement(fit="cover")


def mask_notes(selection: MaskSelection) -> Iterator[str]:
    """Say how much of image 1 a mask lets change.

    Raises:
        InvalidRequest: it selects nothing, in any frame.
    """
    shares = selection.shares
    low, high = min(shares), max(shares)
    if high == 0.0:
        raise InvalidRequest(
            "The mask selects nothing, so no pixel of image 1 may change. Make white (1) what may change, "
            "leave the mask out, or give that image another role.",
            field="multiedit.roles",
        )
    meaning = f": {selection.meaning}" if selection.meaning else ""
    range_ = " to ".join(dict.fromkeys((percent(low), percent(high))))
    everything = "all of image 1 change, as if there were none"
    yield f"The mask lets {everything if low == 1.0 else f'{range_} of image 1 change{meaning}'}."
    if empty := shares.count(0.0):
        yield f"In {empty} of {len(shares)} frames the mask selects nothing, and image 1 stays as it is."


def cut_notes(model: Model, base: Size, size: Size) -> Iterator[str]:
    """Say how much of image 1 sticks out where it covers a size, unless only the model's grid asks for it."""
    box = place(_COVER, base, size)
    step = math.lcm(model.grid, 2)
    if max(box.width - size[0], box.height - size[1]) < step:
        return
    share = 1 - math.prod(size) / (box.width * box.height)
    yield (
        f"{percent(share)} of image 1 is cut away: its {base[0]}x{base[1]} cover {size[0]}x{size[1]}. To "
        "keep all of it ask for keep_size, without an aspect_ratio."
    )


def percent(share: float) -> str:
    """A share 0..1 in words, never 0 % or 100 % of what is only nearly so."""
    if 0.0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1.0:
        return "more than 99.9 %"
    return f"{100 * share:.3g} %"
