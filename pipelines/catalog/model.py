"""One model of the catalogue, typed and checked when it is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..common.settings import RequestLimits
from ..common.types import Size

AUTO = "auto"
BASE_TIER = "1K"
# The side of the square whose area a tier stands for, in pixels.
TIER_SIDES: dict[str, int] = {BASE_TIER: 1024, "2K": 2048, "4K": 4096}

WeightsKind = Literal["open", "closed", "none"]


def parse_ratio(text: str) -> tuple[int, int]:
    """Read `"16:9"` as (16, 9), width first.

    Raises:
        ValueError: not two positive whole numbers with a colon between them.
    """
    width, height = (int(part) for part in text.split(":"))
    if min(width, height) < 1:
        raise ValueError(f"{text!r} is not an aspect ratio")
    return width, height


@dataclass(frozen=True)
class Price:
    """The price of one edit at the provider, in US dollars.

    Attributes:
        base: an edit at the default tier and quality.
        tiers: by resolution tier, where the price depends on it.
        quality: by tier and quality; replaces `tiers` where given.
        included_images: input images that the price above covers.
        additional_image: for each further input image.
    """

    base: float
    tiers: Mapping[str, float] = field(default_factory=dict)
    quality: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    included_images: int = 0
    additional_image: float = 0.0

    def estimate(self, tier: str | None, quality: str | None, images: int) -> float:
        """The price of one edit; `tier` and `quality` are the model's own, or None where it has none."""
        if tier and quality and self.quality:
            edit = self.quality[tier][quality]
        else:
            edit = self.tiers[tier] if tier and self.tiers else self.base
        return round(edit + max(0, images - self.included_images) * self.additional_image, 6)


@dataclass(frozen=True)
class Model:
    """One model: its inputs, sizes and price.

    Attributes:
        weights: `open` (published), `closed` (behind an API only) or `none` (an algorithm).
        licence: of the published weights, or `closed`.
        served_by: who runs it when it does not run here.
        privacy: the provider's word: `private` (not passed on) or `anonymized` (passed on without
            the account).
        needs_mask: it edits inside a mask only.
        interprets_prompt: False where the prompt changes no pixel; `remark` then says so.
        prompt_limit: characters.
        max_images: input images of the model itself; a request has a cap of its own (`RequestLimits`).
        ratios: what `aspect_ratio` may say, in the order in which ties are resolved.
        grid: both sides are multiples of this many pixels; 1 means any size.
        min_pixels, max_pixels, max_side, max_ratio: bounds on area, longer side and longer:shorter side.
        cuts_base: a result of another shape shows the first image cut; else the model draws it anew.
        sizes: (width, height) by ratio at tier 1K, where the upstream has a table; 2K and 4K are exactly
            twice and four times. A model without tiers makes these sizes as they stand.
        created: Unix seconds.
        source: where the entry is from, a key of the file's `sources` or a model card.

    Raises:
        ValueError: the entry contradicts itself.
    """

    id: str
    name: str
    weights: WeightsKind
    licence: str
    served_by: str
    privacy: str
    prompt_limit: int
    max_images: int
    ratios: tuple[str, ...]
    grid: int
    price: Price
    created: int
    source: str
    uncensored: bool = False
    needs_mask: bool = False
    interprets_prompt: bool = True
    remark: str = ""
    combine_images: bool = True
    tiers: tuple[str, ...] = ()
    default_tier: str | None = None
    qualities: tuple[str, ...] = ()
    default_quality: str | None = None
    min_pixels: int = 1
    max_pixels: int = RequestLimits.max_canvas_pixels
    max_side: int = RequestLimits.max_side
    max_ratio: float = math.inf
    cuts_base: bool = False
    sizes: Mapping[str, Size] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = {
            "a tier is unknown": set(self.tiers) <= set(TIER_SIDES),
            "the default tier is not in its list": self.default_tier in (self.tiers or (None,)),
            "the default quality is not in its list": self.default_quality in (self.qualities or (None,)),
            "a price is of a tier that it has not": set(self.price.tiers) <= set(self.tiers),
            "a size is of a ratio that it has not": set(self.sizes) <= set(self.ratios),
            "a size is off the grid": all(
                w % self.grid == h % self.grid == 0 for w, h in self.sizes.values()
            ),
            "it takes several images, but does not combine them": self.combine_images or self.max_images == 1,
            "it ignores the prompt and has no remark that says so": self.interprets_prompt or self.remark,
        }
        for problem, kept in rules.items():
            if not kept:
                raise ValueError(f"catalogue entry {self.id}: {problem}")
        for ratio in self.fixed_ratios:
            parse_ratio(ratio)

    @property
    def fixed_ratios(self) -> tuple[str, ...]:
        """The ratios without `auto`."""
        return tuple(ratio for ratio in self.ratios if ratio != AUTO)
