"""How image 1's shape becomes the result's (stretched, cut or drawn anew), and the plan's notes about it.

A shape that differs by 2 % at most, as a grid may ask for it, is stretched: nothing is cut, and every point
of image 1 stays at its place in the result. One that differs by 5 % at most is cut, so that a model sees
image 1 in register with the result; of any other shape it sees all of image 1 and draws it anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from ..catalog.model import Model
from ..common.types import Size
from ..layers.placement import Box, Placement, place
from .shares import percent

STRETCHED = math.log(1.02)
SAME_SHAPE = math.log(1.05)
_COVER = Placement(fit="cover")
_LEAST_NOTED = 0.001


def shapes_apart(size: Size, other: Size) -> float:
    """Return how far two shapes are from each other: |ln| of the quotient of their ratios."""
    return abs(math.log(size[0] * other[1] / (size[1] * other[0])))


def shown_box(image: Size, canvas: Size) -> Box:
    """Where an image lies that a model edits on a canvas: stretched over it, or covering it, centred."""
    if shapes_apart(image, canvas) <= STRETCHED:
        return Box(0, 0, *canvas)
    return place(_COVER, image, canvas)


def shape_notes(model: Model, base: Size, size: Size, *, here: bool, covers: bool) -> Iterator[str]:
    """Say what becomes of image 1 in a result of another shape, in percent.

    Args:
        here: a model with open weights edits, on ComfyUI.
        covers: the result shows image 1 itself, under layers or a mask.
    """
    apart = shapes_apart(base, size)
    if here and apart <= STRETCHED:
        if math.expm1(apart) >= _LEAST_NOTED:
            share = percent(math.expm1(apart))
            yield f"Image 1 is stretched by {share} to fit {_text(size)}; nothing is cut."
    elif covers or (here and (model.cuts_base or apart <= SAME_SHAPE)):
        yield from cut_notes(model, base, size)
    elif max(_overhang(base, size)) >= _step(model):
        yield (
            f"Image 1 is recomposed: {percent(-math.expm1(-apart))} of its {_text(base)} would not fit into "
            f"{_text(size)}, so the model draws it anew in that shape."
        )


def cut_notes(model: Model, base: Size, size: Size) -> Iterator[str]:
    """Say how much of image 1 sticks out where it covers a size, unless only the model's grid asks for it."""
    wide, high = _overhang(base, size)
    if max(wide, high) < _step(model):
        return
    share = 1 - math.prod(size) / ((size[0] + wide) * (size[1] + high))
    yield (
        f"{percent(share)} of image 1 is cut away: its {_text(base)} cover {_text(size)}. To "
        "keep all of it ask for keep_size, without an aspect_ratio."
    )


def _overhang(base: Size, size: Size) -> Size:
    box = place(_COVER, base, size)
    return box.width - size[0], box.height - size[1]


def _step(model: Model) -> int:
    return math.lcm(model.grid, 2)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
