"""Aspect ratio x resolution tier x model -> exact width and height. Every entry point uses it.

A tier is an area: 1K is 1024^2 pixels, 2K 2048^2, 4K 4096^2; a model without tiers works at 1K's. The
area is brought inside the model's bounds. Where the model's upstream publishes a table of sizes, the table
decides. Otherwise the size is, among all grid points whose area is within 5 % of the wanted one (of strips as
much more as the grid asks for) and inside the model's bounds, the one with

1. the smallest error of ratio, |ln(w/h : a/b)|,
2. then the smallest error of area, |ln(w*h : wanted)|,
3. then the fewest pixels.

The grid is the model's; sizes chosen here are also even, because 4:2:0 JPEG and video want them so.

A ratio that is not given, or `auto`, is the first image's own. A closed model, and any with `snap_ratio`, has
instead the one of the model's ratios that is closest to it by |ln|, ties in the model's order, as the hosted
API does; one that knows no ratio but `auto` follows the image.

A model that composites makes the first image's exact size where neither ratio nor tier is asked for.

With `keep_size` the result has the first image's exact size. A model that makes any size works at it; one
on a grid works at its own size for the image's ratio (a closed model: the closest ratio of its list), at
the tier asked for or else the one closest in area, and the result is then fitted to the exact size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from ..catalog.model import AUTO, BASE_TIER, TIER_SIDES, Model, parse_ratio
from ..common.errors import InvalidRequest, UnsupportedValue
from ..common.types import Size
from ..common.validation import describe

AREA_TOLERANCE = 0.05
_LARGEST_TOLERANCE = 0.25


@dataclass(frozen=True)
class ResolvedSize:
    """A size and how it came about.

    Attributes:
        width, height: of the result.
        work_width, work_height: of what the model makes; they differ from the result's only with
            `keep_size` on a model that cannot make the exact size.
        aspect_ratio: the ratio that the model works at, as text.
        tier: the effective tier, None for a model without tiers.
        keep_size: whether the result has the first image's exact size, asked for or not.
        notes: a sentence for everything that was inferred, dropped or estimated.
    """

    width: int
    height: int
    work_width: int
    work_height: int
    aspect_ratio: str
    tier: str | None
    keep_size: bool = False
    notes: tuple[str, ...] = ()


def resolve_size(
    model: Model,
    aspect_ratio: str | None = None,
    resolution: str | None = None,
    base: Size | None = None,
    *,
    keep_size: bool = False,
    snap_ratio: bool = False,
) -> ResolvedSize:
    """Decide the size of a result.

    Args:
        aspect_ratio, resolution: as in the request; None where not given.
        base: (width, height) of the first image; may be None where the ratio is given and `keep_size` is not.
        keep_size: the result has the size of `base`.
        snap_ratio: where no ratio is given take the closest of the model's list, as for a closed model.

    Raises:
        UnsupportedValue: the model does not take this ratio or tier; the message lists what it takes.
        InvalidRequest: `keep_size` together with a ratio or `snap_ratio`, or nothing to take the ratio from.
    """
    if aspect_ratio is not None and aspect_ratio not in model.ratios:
        raise unsupported("aspect_ratio", aspect_ratio, model, model.ratios)
    asked = None if aspect_ratio == AUTO else aspect_ratio
    if keep_size and asked:
        raise InvalidRequest(
            f"multiedit.keep_size asks for the first image's size, aspect_ratio for {asked}; send only one.",
            field="multiedit.keep_size",
        )
    if keep_size and snap_ratio:
        raise InvalidRequest(
            "multiedit.keep_size asks for the first image's size, multiedit.snap_ratio for a ratio of the "
            "model's list; send only one.",
            field="multiedit.snap_ratio",
        )
    composited = base is not None and not model.interprets_prompt
    preferred = composited and not (keep_size or asked or resolution or snap_ratio)
    keep_size = keep_size or preferred
    tier, tier_notes = _tier(model, resolution, base if keep_size else None)
    snaps = _snaps(model, snap_ratio)
    ratio, ratio_notes = (asked, ()) if asked else _inferred_ratio(model, base, snaps)
    kept = base if keep_size else None
    if kept and not snaps:
        ratio_notes = ()  # it is that of the size, which may be the extended image's
    work = kept if kept and model.grid == 1 else _size(model, ratio, tier)
    result = kept or work
    notes = (*tier_notes, *ratio_notes, *_size_notes(model, ratio, work, result, preferred))
    return ResolvedSize(*result, *work, ratio, tier, kept is not None, notes)


def nearest_size(model: Model, wanted: Size, base: Size, *, snap_ratio: bool = False) -> ResolvedSize:
    """Decide the size of a result that is wanted in pixels.

    It is the wanted one where that is `base`, the size of the first image; else the closest tier at the
    closest ratio of the list, or at image 1's own where that is the wanted one. A note says so.
    """
    keep = wanted == base
    tier = closest_tier(wanted, model.tiers) if model.tiers else None
    if keep:
        size = resolve_size(model, None, tier, base, keep_size=True)
    else:
        own = Fraction(*wanted) == Fraction(*base) or not model.fixed_ratios
        ratio, _ = _inferred_ratio(model, base if own else wanted, not own or _snaps(model, snap_ratio))
        made = _size(model, ratio, tier)
        notes = tuple(_size_notes(model, ratio, made, made, preferred=False))
        size = ResolvedSize(*made, *made, ratio, tier, notes=notes)
    if (size.width, size.height) == wanted:
        return size
    parts = " at ".join(filter(None, (size.aspect_ratio, tier)))
    note = (
        f"size {_text(wanted)} is not one of {model.id}'s: "
        f"{_text((size.width, size.height))} ({parts}) is the nearest."
    )
    return replace(size, notes=(note, *size.notes))


def closest_tier(size: Size, tiers: Iterable[str] = TIER_SIDES) -> str:
    """The tier whose area is closest to a size's by ratio; ties go to the first."""
    return min(tiers, key=lambda tier: _apart(Fraction(math.prod(size), TIER_SIDES[tier] ** 2)))


def _tier(model: Model, asked: str | None, keep: Size | None) -> tuple[str | None, tuple[str, ...]]:
    """The effective tier: asked, or the closest in area to the size to keep, or the model's default."""
    if not model.tiers:
        dropped = f"resolution {describe(asked)} is dropped: {model.id} has no resolution tiers."
        return None, (dropped,) if asked else ()
    if asked is not None:
        if asked not in model.tiers:
            raise unsupported("resolution", asked, model, model.tiers)
        return asked, ()
    if keep is not None:
        closest = closest_tier(keep, model.tiers)
        return closest, (f"resolution is not given: {closest} is closest in area to {_text(keep)}.",)
    return model.default_tier, (f"resolution is not given: {model.default_tier} is {model.id}'s default.",)


def _snaps(model: Model, snap_ratio: bool) -> bool:
    """Return whether a ratio that is not given is one of the model's list."""
    return bool(model.fixed_ratios) and (snap_ratio or model.weights == "closed")


def _inferred_ratio(model: Model, base: Size | None, snaps: bool) -> tuple[str, tuple[str, ...]]:
    """The ratio to work at: the image's own, or the closest to it in the model's list."""
    if base is None:
        raise InvalidRequest(
            "aspect_ratio is not given, and no image to take it from either; give one of them.",
            field="aspect_ratio",
        )
    if not snaps:
        divisor = math.gcd(*base)
        ratio = f"{base[0] // divisor}:{base[1] // divisor}"
        return ratio, (f"The aspect ratio is image 1's own, {ratio}.",)
    ratio = _closest_ratio(model, base)
    return ratio, (
        f"aspect_ratio is inferred: of {model.id}'s, {ratio} is closest to image 1's {_text(base)}.",
    )


def _closest_ratio(model: Model, size: Size) -> str:
    wanted = Fraction(*size)
    return min(model.fixed_ratios, key=lambda option: _apart(wanted / Fraction(*parse_ratio(option))))


def _size_notes(model: Model, ratio: str, work: Size, size: Size, preferred: bool) -> Iterator[str]:
    if preferred:
        yield f"No size is asked for: the result has image 1's own, {_text(size)}."
    if work != size:
        yield f"{model.id} works at {_text(work)}; the result is fitted to exactly {_text(size)}."
    if model.weights == "closed" and ratio not in model.sizes:
        yield f"{_text(work)} is an estimate: the provider of {model.id} publishes no size for {ratio}."


def _size(model: Model, ratio: str, tier: str | None) -> Size:
    side = TIER_SIDES[tier or BASE_TIER]
    if ratio in model.sizes:
        factor = side // TIER_SIDES[BASE_TIER]
        width, height = model.sizes[ratio]
        return width * factor, height * factor
    return size_on_grid(model, parse_ratio(ratio), side * side)


def size_on_grid(model: Model, ratio: tuple[int, int], area: int) -> Size:
    """The grid point that the module defines, for a ratio (width, height) and an area in pixels.

    The model's bounds must leave room for one: an area of 400 squares of the grid always does.
    """
    long, short = max(ratio), min(ratio)
    most = min(model.max_ratio, model.max_side // _step(model))
    if long > short * most:
        long, short = round(most), 1
    wanted = min(max(area, model.min_pixels), model.max_pixels, model.max_side**2 * short / long)

    def errors(point: Size) -> tuple[float, float, int]:
        pixels = math.prod(point)
        return _apart_float(point[0] * short, point[1] * long), _apart_float(pixels, wanted), pixels

    best = min(_candidates(model, long / short, wanted), key=errors)
    return best if ratio[0] >= ratio[1] else (best[1], best[0])


def _candidates(model: Model, ratio: float, wanted: float) -> Iterator[Size]:
    """For every short side on the grid near the wanted area, the two long sides nearest to the ratio.

    A long side further from the ratio is worse by rule 1, and so is a short side beyond the first grid
    point on either side of those that the tolerance allows.
    """
    step = _step(model)
    tolerance = area_tolerance(step, ratio, wanted)
    low = max(math.ceil(wanted * (1 - tolerance)), model.min_pixels)
    high = min(math.floor(wanted * (1 + tolerance)), model.max_pixels)
    first = max(1, math.floor(math.sqrt(low / ratio) / step))
    last = max(1, min(math.ceil(math.sqrt(high / ratio) / step), model.max_side // step))
    for short in range(first * step, (last + 1) * step, step):
        shortest = -(-low // (short * step)) * step
        longest = math.floor(min(high // short, model.max_side, short * model.max_ratio)) // step * step
        below = math.floor(short * ratio / step) * step
        for long in {min(max(side, shortest), longest) for side in (below, below + step)}:
            if shortest <= long:
                yield long, short


def area_tolerance(step: int, ratio: float, wanted: float) -> float:
    """How far an area may be from the wanted one, as a share of it; `ratio` is 1 or more.

    More than 5 % where two neighbouring short sides, as those of a strip, give areas further apart than that;
    a quarter at most.
    """
    return min(max(AREA_TOLERANCE, step / math.sqrt(wanted / ratio)), _LARGEST_TOLERANCE)


def _step(model: Model) -> int:
    """Return the pixels between two sides of the grid."""
    return math.lcm(model.grid, 2)


def _apart(quotient: Fraction) -> Fraction:
    """Return how far a quotient is from 1, as monotonic as |ln| and exact."""
    return max(quotient, 1 / quotient)


def _apart_float(a: float, b: float) -> float:
    return max(a, b) / min(a, b)


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def unsupported(field: str, value: str, model: Model, takes: tuple[str, ...]) -> UnsupportedValue:
    """The error for a field's value that the model does not support."""
    return UnsupportedValue(
        f"{model.id} does not support {field} {describe(value)}. Supported: {', '.join(takes)}.", field=field
    )
