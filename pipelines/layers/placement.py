"""Resolve where a layer goes (fit, anchor, offsets and scale) to pixels on a canvas.

Pure arithmetic without torch, so that the request parser, the plan and `--explain` can use it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

from ..common.validation import boolean, choice, integer, known_fields, number
from .modes import BLEND_MODES

PlacementFit = Literal["contain", "cover", "stretch", "none"]
Anchor = Literal[
    "top-left", "top", "top-right", "left", "center", "right", "bottom-left", "bottom", "bottom-right"
]
Unit = Literal["percent", "pixels"]
FITS: tuple[PlacementFit, ...] = get_args(PlacementFit)
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)
UNITS: tuple[Unit, ...] = get_args(Unit)
FARTHEST_Z = 1000
FARTHEST_OFFSET = 16_384.0  # in either unit: as many pixels as the longest side of a canvas

# Share of the free space that lies left of and above the layer.
ANCHOR_SHARES: dict[Anchor, tuple[float, float]] = {
    "top-left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top-right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "center": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom-left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom-right": (1.0, 1.0),
}


@dataclass(frozen=True)
class Placement:
    """The placement of one overlay on the canvas; the defaults are the plan's own: contained and centred.

    Attributes:
        fit: `contain` (whole layer inside the canvas), `cover` (whole canvas covered), `stretch` (both
            sides equal the canvas, ratio given up) or `none` (the layer's own pixels).
        anchor: the point of the canvas that the layer is aligned to.
        offset_x, offset_y: shift, right and down positive, in `unit`: percent of the canvas, or pixels.
        scale: factor on the fitted size.
        rotation: degrees, clockwise, about the layer's centre.
        opacity: 0..1.
        blend_mode: one of core's 26 names.
        seamless: solve the layer into what lies under it, so that it takes on its light.
        z: higher lies further up, equal ones in order; the base has 0, and a negative one lies under it.
        visible: False leaves the overlay out.
    """

    fit: PlacementFit = "contain"
    anchor: Anchor = "center"
    offset_x: float = 0.0
    offset_y: float = 0.0
    unit: Unit = "percent"
    scale: float = 1.0
    rotation: float = 0.0
    flip_h: bool = False
    flip_v: bool = False
    opacity: float = 1.0
    blend_mode: str = "normal"
    seamless: bool = False
    z: int = 0
    visible: bool = True


DEFAULT = Placement()


class Box(NamedTuple):
    """A rectangle on the canvas in pixels; it may lie partly or fully outside."""

    x: int
    y: int
    width: int
    height: int


class CanvasWindow(NamedTuple):
    """Part of a canvas in pixels, stops exclusive."""

    top: int
    bottom: int
    left: int
    right: int


def fitted_size(fit: PlacementFit, layer: tuple[int, int], canvas: tuple[int, int]) -> tuple[float, float]:
    """The size (width, height) that `fit` gives a layer on a canvas, before scale and rounding."""
    (width, height), (canvas_width, canvas_height) = layer, canvas
    if fit == "none":
        return float(width), float(height)
    if fit == "stretch":
        return float(canvas_width), float(canvas_height)
    factors = (canvas_width / width, canvas_height / height)
    factor = min(factors) if fit == "contain" else max(factors)
    return width * factor, height * factor


def place(placement: Placement, layer: tuple[int, int], canvas: tuple[int, int]) -> Box:
    """Resolve a placement to the layer's unrotated box, each side at least one pixel."""
    fitted = fitted_size(placement.fit, layer, canvas)
    width, height = (max(1, round(side * placement.scale)) for side in fitted)
    share_x, share_y = ANCHOR_SHARES[placement.anchor]
    shift_x, shift_y = placement.offset_x, placement.offset_y
    if placement.unit == "percent":
        shift_x, shift_y = canvas[0] * shift_x / 100, canvas[1] * shift_y / 100
    x = (canvas[0] - width) * share_x + shift_x
    y = (canvas[1] - height) * share_y + shift_y
    return Box(math.floor(x + 0.5), math.floor(y + 0.5), width, height)


PLACEMENT_READERS: dict[str, Callable[[object, str], Any]] = {
    "fit": partial(choice, options=FITS),
    "anchor": partial(choice, options=ANCHORS),
    "offset_x": partial(number, low=-FARTHEST_OFFSET, high=FARTHEST_OFFSET),
    "offset_y": partial(number, low=-FARTHEST_OFFSET, high=FARTHEST_OFFSET),
    "unit": partial(choice, options=UNITS),
    "scale": partial(number, low=0.001, high=100),
    "rotation": partial(number, low=-360, high=360),
    "flip_h": boolean,
    "flip_v": boolean,
    "opacity": partial(number, low=0, high=1),
    "blend_mode": partial(choice, options=BLEND_MODES),
    "seamless": boolean,
    "z": partial(integer, low=-FARTHEST_Z, high=FARTHEST_Z),
    "visible": boolean,
}
PLACEMENT_FIELDS = tuple(PLACEMENT_READERS)


def read_placement(
    value: object, path: str, names: Collection[str] = PLACEMENT_FIELDS, default: Placement = DEFAULT
) -> Placement:
    """A placement from a JSON object with some of the fields `names`; `default` has the others.

    Raises:
        InvalidRequest: a field is unknown or out of its range; the message names it below `path`.
    """
    given = known_fields(value, path, names)
    return replace(
        default, **{name: PLACEMENT_READERS[name](given[name], f"{path}.{name}") for name in given}
    )
