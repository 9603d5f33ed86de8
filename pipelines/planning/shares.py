"""Shares of image 1 in words, and the plan's notes about what a mask lets change."""

from __future__ import annotations

from collections.abc import Iterator

from ..common.errors import InvalidRequest
from ..images.facts import MaskSelection

_FAINT = "below 5 of 255"


def mask_notes(selection: MaskSelection, *, sampled: bool = False) -> Iterator[str]:
    """Say how much of image 1 a mask lets change.

    Args:
        sampled: the model is sampled on a ComfyUI, where what is fainter than `FAINTEST` is not selected.

    Raises:
        InvalidRequest: it selects nothing, in any frame.
    """
    clear = selection.clear if sampled else ()
    shares = clear or selection.shares
    low, high = min(shares), max(shares)
    if high == 0.0:
        too_faint = f": it is {_FAINT} everywhere, which is taken for noise" if clear else ""
        raise InvalidRequest(
            f"The mask selects nothing{too_faint}, so no pixel of image 1 may change. Make white (1) "
            "what may change, leave the mask out, or give that image another role.",
            field="multiedit.roles",
        )
    meaning = f": {selection.meaning}" if selection.meaning else ""
    range_ = " to ".join(dict.fromkeys((percent(low), percent(high))))
    everything = "all of image 1 change"
    yield f"The mask lets {everything if low == 1.0 else f'{range_} of image 1 change{meaning}'}."
    if [*map(percent, clear)] not in ([], [*map(percent, selection.shares)]):  # not for a soft edge
        yield f"What is {_FAINT} in the mask is taken for noise, and stays as it is."
    if empty := shares.count(0.0):
        yield f"In {empty} of {len(shares)} frames the mask selects nothing, and image 1 stays as it is."


def percent(share: float) -> str:
    """A share 0..1 in words, never 0 % or 100 % of what is only nearly so."""
    if 0.0 < share < 0.001:
        return "less than 0.1 %"
    if 0.999 < share < 1.0:
        return "more than 99.9 %"
    return f"{100 * share:.3g} %"
