"""Extend an image beyond its sides (outpainting): what is asked for, and the pixels that it comes to.

Pure arithmetic without torch, so that the request parser, the plan and `--explain` can use it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.types import Size
from ..common.validation import choice, describe, integer, invalid_value, known_fields
from .placement import ANCHOR_SHARES, ANCHORS, Anchor, CanvasWindow

SIDES = ("left", "top", "right", "bottom")
AUTO_FILL = "auto"
FILLS = (AUTO_FILL, "mirror", "blur")
LARGEST_SIDE = 65_535
LARGEST_PERCENT = 1000.0
LARGEST_RATIO = 100
PERCENT_PATTERN = r"[0-9]{1,4}(\.[0-9]{1,3})?%"
RATIO_PATTERN = r"[1-9][0-9]{0,4}:[1-9][0-9]{0,4}"
COLOUR_PATTERN = "#[0-9a-fA-F]{6}"
_FIELD = "multiedit.extend"
_EXAMPLES = "such as left=256,right=25% or 16:9"


class Amount(NamedTuple):
    """How far a side goes: pixels, or percent of image 1's width or height."""

    value: float
    percent: bool = False

    def pixels(self, length: int) -> int:
        return round(length * self.value / 100) if self.percent else int(self.value)


_NOTHING = Amount(0)


@dataclass(frozen=True)
class Extend:
    """What is asked for: sides, or a ratio.

    Attributes:
        left, top, right, bottom: what is added there.
        aspect_ratio: "W:H", of the smallest image with that ratio that holds image 1; no sides with it.
        anchor: where image 1 then lies in it.
        fill: what is added to look at: `mirror`, `blur`, a colour `#rrggbb`, or `auto`. With a model that
            reads the prompt it is what the model sees there, and `auto` is what its family wants; else it is
            what the result has, and `auto` is `blur`.
    """

    left: Amount = _NOTHING
    top: Amount = _NOTHING
    right: Amount = _NOTHING
    bottom: Amount = _NOTHING
    aspect_ratio: str | None = None
    anchor: Anchor = "center"
    fill: str = AUTO_FILL


@dataclass(frozen=True)
class Extension:
    """What is added to image 1, in pixels.

    Attributes:
        width, height: of image 1 itself.
        fill: see `Extend`.
    """

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int
    fill: str = AUTO_FILL

    @property
    def size(self) -> Size:
        """(width, height) with what is added."""
        return self.left + self.width + self.right, self.top + self.height + self.bottom

    @property
    def added(self) -> CanvasWindow:
        """The window around all that is added."""
        width, height = self.size
        spans = bool(self.top or self.bottom), bool(self.left or self.right)
        return CanvasWindow(
            0 if self.top or spans[1] else self.height,
            height if self.bottom or spans[1] else self.top,
            0 if self.left or spans[0] else self.width,
            width if self.right or spans[0] else self.left,
        )

    @property
    def text(self) -> str:
        """The same as `extend_fields` reads it."""
        sides = ",".join(f"{side}={getattr(self, side)}" for side in SIDES)
        return f"{sides},fill={self.fill}"


def resolve_extension(extend: Extend, size: Size, limits: Limits | None) -> Extension:
    """Decide how many pixels are added to an image of a size.

    Args:
        limits: bound the extended image; None where that was done before.

    Raises:
        InvalidRequest: nothing is added, or too much.
    """
    if extend.aspect_ratio:
        sides = _to_ratio(extend.aspect_ratio, extend.anchor, size)
    else:
        wide, high = size
        sides = (
            extend.left.pixels(wide),
            extend.top.pixels(high),
            extend.right.pixels(wide),
            extend.bottom.pixels(high),
        )
    extension = Extension(*sides, size[0], size[1], extend.fill)
    if not any(sides):
        has = (
            f"has the ratio {extend.aspect_ratio} already"
            if extend.aspect_ratio
            else "gets less than a pixel"
        )
        raise InvalidRequest(
            f"{_FIELD} adds nothing: image 1, {size[0]}x{size[1]}, {has}. Leave it out, or extend further.",
            field=_FIELD,
        )
    if limits is not None:
        _check(extension, limits)
    return extension


def _to_ratio(ratio: str, anchor: Anchor, size: Size) -> tuple[int, int, int, int]:
    wide, high = map(int, ratio.split(":"))
    extra_width = max(0, round(size[1] * wide / high) - size[0])
    extra_height = 0 if extra_width else max(0, round(size[0] * high / wide) - size[1])
    share_x, share_y = ANCHOR_SHARES[anchor]
    left, top = math.floor(extra_width * share_x + 0.5), math.floor(extra_height * share_y + 0.5)
    return left, top, extra_width - left, extra_height - top


def _check(extension: Extension, limits: Limits) -> None:
    width, height = extension.size
    checks = (
        (max(width, height), limits.max_side, "px a side", "MULTIEDIT_MAX_SIDE"),
        (width * height, limits.max_canvas_pixels, "px", "MULTIEDIT_MAX_CANVAS_PIXELS"),
    )
    for amount, limit, unit, variable in checks:
        if amount > limit:
            raise InvalidRequest(
                f"{_FIELD} makes image 1 {width}x{height}; the limit is {limit} {unit}. Extend by less, or "
                f"scale image 1 down. {variable} sets the limit.",
                field=_FIELD,
            )


def read_amount(value: object, path: str) -> Amount:
    """A whole number of pixels, or percent as text: 256, "25%"."""
    if isinstance(value, str) and re.fullmatch(PERCENT_PATTERN, value):
        percent = float(value[:-1])
        if percent <= LARGEST_PERCENT:
            return Amount(percent, percent=True)
    if isinstance(value, str):
        allowed = f'a whole number of pixels, or percent as text, such as "25%", up to {LARGEST_PERCENT:g}%'
        raise invalid_value(path, value, allowed)
    return Amount(integer(value, path, low=0, high=LARGEST_SIDE))


def read_ratio(value: object, path: str) -> str:
    """ "W:H" with positive whole numbers, at most 100:1."""
    if isinstance(value, str) and re.fullmatch(RATIO_PATTERN, value):
        wide, high = map(int, value.split(":"))
        if max(wide, high) <= LARGEST_RATIO * min(wide, high):
            return value
    raise invalid_value(
        path, value, f"a ratio W:H, such as 16:9, from 1:{LARGEST_RATIO} to {LARGEST_RATIO}:1"
    )


def read_fill(value: object, path: str) -> str:
    """One of `FILLS`, or a colour "#rrggbb"."""
    if isinstance(value, str) and (value in FILLS or re.fullmatch(COLOUR_PATTERN, value)):
        return value
    raise invalid_value(path, value, f"one of {', '.join(FILLS)}, or a colour such as #808080")


EXTEND_READERS: dict[str, Callable[[object, str], Any]] = {
    **dict.fromkeys(SIDES, read_amount),
    "aspect_ratio": read_ratio,
    "anchor": partial(choice, options=ANCHORS),
    "fill": read_fill,
}


def read_extend(value: object, path: str) -> Extend:
    """An extension from a JSON object.

    Raises:
        InvalidRequest: an unknown field, a wrong value, sides together with a ratio, or neither.
    """
    given = known_fields(value, path, EXTEND_READERS)
    read = {
        name: reader(given[name], f"{path}.{name}")
        for name, reader in EXTEND_READERS.items()
        if name in given
    }
    sides = [side for side in SIDES if side in read]
    if bool(sides) == ("aspect_ratio" in read):
        both = f"{sides[0]} as well as aspect_ratio" if sides else "neither a side nor aspect_ratio"
        raise InvalidRequest(
            f"{path} has {both}; it takes sides ({', '.join(SIDES)}) or aspect_ratio.", field=path
        )
    if "anchor" in read and sides:
        raise InvalidRequest(
            f"{path}.anchor is for aspect_ratio; with sides image 1 lies where they say. Leave it out.",
            field=f"{path}.anchor",
        )
    return Extend(**read)


def extend_fields(text: str, path: str) -> dict[str, object]:
    """What `read_extend` takes, from text: `left=256,right=25%`, `16:9,anchor=left`; `fill=blur` with either.

    Raises:
        InvalidRequest: a part is neither NAME=VALUE nor a ratio, or comes twice.
    """
    fields: dict[str, object] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals and ":" in name:
            name, value = "aspect_ratio", name
        if not value or name in fields:
            raise InvalidRequest(
                f"{path} has {describe(part)}; it must be {_EXAMPLES}, each name once.", field=path
            )
        fields[name] = int(value) if re.fullmatch("[0-9]{1,9}", value) else value
    return fields
