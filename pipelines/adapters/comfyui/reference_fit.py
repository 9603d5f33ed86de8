"""The scaling of an image to the size that a model sees, as data that a node's input can hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ...common.errors import InvalidRequest
from ...common.settings import Limits
from ...common.types import Size
from ...common.validation import integer, invalid_value, known_fields
from ...planning.shape import SAME_SHAPE, shapes_apart
from ...planning.size import AREA_TOLERANCE

_FIELD = "fit"  # the nodes' input
CropWindow = tuple[int, int, int, int]

# What all references share, and at most one has: FLUX.2's reference code caps a single one at this area
# (https://github.com/black-forest-labs/flux2, `encode_image_refs`).
_SHARED_PIXELS = 2024 * 2024
_LEAST_SHARE = 3  # no reference has less than this part of the sampled area: it would be a blurred guide


@dataclass(frozen=True)
class ReferenceFit:
    """Scale an image, or cover a canvas with it and take a window of that.

    Attributes:
        size: (width, height) in pixels of what comes out.
        canvas: (width, height) that the image covers first, by `shown_box`; None takes the whole image.
        window: (x, y, width, height) of the canvas that is scaled to `size`; None takes all of it.
    """

    size: Size
    canvas: Size | None = None
    window: CropWindow | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: list(value) for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: object, limits: Limits) -> ReferenceFit:
        """Read what `to_dict` gives. Anybody who may queue a graph may send another.

        Raises:
            InvalidRequest: it is no such object, or larger than a canvas may be.
        """
        given = known_fields(values, _FIELD, ("size", "canvas", "window"))
        size = bounded_size(given.get("size"), f"{_FIELD}.size", limits)
        canvas = bounded_size(given["canvas"], f"{_FIELD}.canvas", limits) if "canvas" in given else None
        window = (
            _numbers(given["window"], f"{_FIELD}.window", 4, limits.max_side) if "window" in given else None
        )
        if window and not (window[2] and window[3]):
            raise invalid_value(f"{_FIELD}.window", given["window"], "at least one pixel wide and high")
        return cls(size, canvas, window)  # type: ignore[arg-type]  # of four numbers


def bounded_size(value: object, path: str, limits: Limits) -> Size:
    """(width, height) of what a graph asks for, as large as a canvas at most.

    Raises:
        InvalidRequest: it is no size, or larger.
    """
    width, height = _numbers(value, path, 2, limits.max_side)
    if not 0 < width * height <= limits.max_canvas_pixels:
        raise InvalidRequest(
            f"{path} is {width}x{height} ({width * height} px); the limit is {limits.max_canvas_pixels} px, "
            "and no side of 0. MULTIEDIT_MAX_CANVAS_PIXELS sets the limit.",
            field=path,
        )
    return width, height


def _read_window(value: object, limits: Limits) -> CropWindow:
    path = f"{_FIELD}.window"
    x, y, width, height = _numbers(value, path, 4, limits.max_side)
    if not (width and height):
        raise invalid_value(path, value, "at least one pixel wide and high")
    return x, y, width, height


def _numbers(value: object, path: str, count: int, high: int) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) != count:
        raise invalid_value(path, value, f"a list of {count} whole numbers")
    return tuple(integer(each, path, low=0, high=high) for each in value)


FitReferences = Callable[[ReferenceFit, Sequence[Size], int, int, bool], tuple[ReferenceFit, ...]]
"""(base in register with the result, at the size that is sampled; (width, height) of each image; area of a
reference; grid of its sides; whether a mask lies over the base) -> how each image becomes a reference."""


def fit_to_budget(
    base: ReferenceFit, sizes: Sequence[Size], pixels: int, grid: int, masked: bool
) -> tuple[ReferenceFit, ...]:
    """Fit each image to an area; the base in register with the result where their shapes agree."""
    canvas, work = base.canvas or base.size, base.size
    own, *others = sizes
    if masked or shapes_apart(own, canvas) <= SAME_SHAPE:
        fits = math.prod(work) <= (1 + AREA_TOLERANCE) * pixels
        first = ReferenceFit(work if fits else on_budget(work, pixels, grid), base.canvas, base.window)
    else:
        first = ReferenceFit(on_budget(own, pixels, grid))
    return (first, *(ReferenceFit(on_budget(size, pixels, grid)) for size in others))


def reference_area(sampled: int, count: int, least: int) -> int:
    """The area of each of `count` references that follow the sampled area, in pixels.

    One has that area; several share 2024 x 2024 or, where more is sampled, as much as that. None has less
    than a third of the sampled area, nor less than `least`.
    """
    share = max(max(_SHARED_PIXELS, sampled) // count, sampled // _LEAST_SHARE)
    return max(least, min(sampled, share))


def on_budget(size: Size, pixels: int, grid: int) -> Size:
    """A size of about `pixels` at the ratio of `size`, both sides the nearest multiples of `grid`."""
    scale = math.sqrt(pixels / math.prod(size))
    width, height = (max(grid, round(side * scale / grid) * grid) for side in size)
    return width, height
