"""Options of an edit inside a mask, for models that read the prompt: the fields `multiedit.mask_...`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, get_args

from ..common.validation import boolean, choice, integer, number

MaskFill = Literal["keep", "blur", "neutral", "green"]
MASK_FILLS: tuple[MaskFill, ...] = get_args(MaskFill)
LARGEST_EDGE = 512
LARGEST_CONTEXT = 10.0
_PREFIX = "mask_"


@dataclass(frozen=True)
class MaskOptions:
    """How an edit inside a mask is made and pasted. Lengths are pixels of the result.

    Attributes:
        grow: by how much the mask is grown before anything else; what follows is about the grown mask.
        feather: over how many pixels the edit fades in, inwards from the mask's edge; None is 4 at a
            megapixel.
        pull_in: how far inside the mask's edge that begins, for a model that spoils what is beside the edge.
        context: the side of what the model sees around the mask, with crop and stitch, as a multiple of the
            mask's box; None is 1.5, and no less than what the model samples anyway.
        fill: what the model sees of image 1 where the mask is: itself, itself blurred, grey, or green.
        color_match: correct the result's colours by what differs outside the mask.
        align: move the result back where it lies shifted outside the mask.
    """

    grow: int = 0
    feather: int | None = None
    pull_in: int = 0
    context: float | None = None
    fill: MaskFill = "keep"
    color_match: bool = True
    align: bool = True

    @property
    def changed(self) -> dict[str, Any]:
        """The options that are not the defaults, by their fields' names in a request."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {_PREFIX + name: value for name, (value, usual) in values.items() if value != usual}

    @classmethod
    def from_fields(cls, values: Mapping[str, Any]) -> MaskOptions:
        """The options of a request or of widgets, by the fields' names there; others are passed over."""
        given = {name: values[_PREFIX + name] for name in _NAMES if values.get(_PREFIX + name) is not None}
        return cls(**given)


_NAMES = tuple(field.name for field in fields(MaskOptions))

MASK_READERS: dict[str, Callable[[object, str], Any]] = {
    "mask_grow": partial(integer, low=0, high=LARGEST_EDGE),
    "mask_feather": partial(integer, low=0, high=LARGEST_EDGE),
    "mask_pull_in": partial(integer, low=0, high=LARGEST_EDGE),
    "mask_context": partial(number, low=1.0, high=LARGEST_CONTEXT),
    "mask_fill": partial(choice, options=MASK_FILLS),
    "mask_color_match": boolean,
    "mask_align": boolean,
}
"""What reads each field, by its name in a request."""


def unused_notes(options: MaskOptions, roles: Collection[str], generative: bool, model: str) -> Iterator[str]:
    """Say which options are of no use: without a mask, or for a model that has none of them."""
    if not options.changed:
        return
    names = ", ".join(options.changed)
    if not generative:
        yield f"{names}: not used. {model} has no such options; they are for models that run on ComfyUI."
    elif "mask" not in roles:
        yield f"{names}: not used, since there is no mask."
