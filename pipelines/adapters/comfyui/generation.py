"""What a generative model is asked to make: the plan's last decisions, once the profile is known."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

from ...catalog.model import Model, parse_ratio
from ...common.errors import InvalidRequest, UnsupportedValue
from ...common.types import Size
from ...planning.plan import EditPlan
from ...planning.size import AREA_TOLERANCE, size_on_grid
from .crop_region import CropRegion, choose_crop_region
from .profiles.profile import PartName, Profile, SpeedOption
from .profiles.selection import ProfileSelection, alias_notes
from .reference_fit import ReferenceFit, on_budget

Switch = Literal["auto", "on", "off"]

# A base whose ratio differs by less is cut to the result's, so that the model sees both in register.
_SAME_RATIO = math.log(1.05)
_LEAST_REFERENCES_FOR_CACHE = 2
# Areas of fewer squares of the grid have no point near every ratio (see `size_on_grid`).
_COARSE = 400
# Each smaller step of a run that does not fit into memory, as shares of the reference budget.
SMALLER_BUDGETS = (0.5, 0.25)


@dataclass(frozen=True)
class GenerationOptions:
    """What is asked of a generative model beside the plan; `auto` is decided here.

    Attributes:
        seeds: results of one run; the first is that of a run with one.
        sampling_pixels: area that is sampled, the result being fitted from it; None is the plan's.
        reference_pixels: area to which a reference is scaled; None is the profile's.
        crop_and_stitch: edit only the part around the mask.
        smaller_steps: on a full memory, try again with smaller references.
    """

    seeds: int = 1
    sampling_pixels: int | None = None
    reference_pixels: int | None = None
    crop_and_stitch: Switch = "auto"
    kv_cache: Switch = "auto"
    easy_cache: Switch = "auto"
    smaller_steps: bool = True


@dataclass(frozen=True)
class GenerationPlan:
    """An edit by a generative model, decided.

    Attributes:
        work: (width, height) that is sampled, on the profile's grid.
        region: the part of the result that it is, None for all of it.
        references: how each image becomes a reference, in order.
        notes: a sentence for everything that was decided.
    """

    plan: EditPlan
    profile: Profile
    files: Mapping[PartName, str]
    work: Size
    region: CropRegion | None
    references: tuple[ReferenceFit, ...]
    masked: bool
    seeds: int
    kv_cache: bool
    easy_cache: bool
    smaller_steps: bool
    notes: tuple[str, ...]

    @property
    def size(self) -> Size:
        """(width, height) of the result."""
        return self.plan.width, self.plan.height

    @property
    def base_fit(self) -> ReferenceFit:
        """The base at the size that is sampled, in register with the result."""
        return ReferenceFit(self.work, self.size, self.region.window if self.region else None)

    def with_references(self, share: float) -> GenerationPlan:
        """The same with references of a share of their area."""
        grid = self.profile.grid
        sizes = [on_budget(fit.size, round(math.prod(fit.size) * share), grid) for fit in self.references]
        fits = tuple(replace(fit, size=size) for fit, size in zip(self.references, sizes, strict=True))
        return replace(self, references=fits)

    @property
    def plan_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2)

    @property
    def report(self) -> str:
        """Model, profile, size and notes, a line each."""
        title = (
            f"{self.plan.model_name} by {self.profile.name}: {self.plan.width} x {self.plan.height} pixels"
        )
        return "\n".join([title, *self.plan.notes, *self.notes])

    def to_dict(self) -> dict[str, object]:
        """The plan and what was decided here, as JSON takes it."""
        profile = self.profile
        return {
            **self.plan.to_dict(),
            "notes": [*self.plan.notes, *self.notes],
            "generation": {
                "profile": profile.id,
                "model": profile.model,
                "licence": profile.licence,
                "files": dict(self.files),
                "work": list(self.work),
                "region": list(self.region.window) if self.region else None,
                "references": [asdict(fit) for fit in self.references],
                "steps": profile.steps,
                "cfg": profile.cfg,
                "sampler": profile.sampler,
                "scheduler": profile.scheduler,
                "seeds": self.seeds,
                "kv_cache": self.kv_cache,
                "easy_cache": self.easy_cache,
            },
        }


def plan_generation(
    plan: EditPlan,
    choice: ProfileSelection,
    model: Model,
    sizes: Sequence[Size],
    mask_bounds: Sequence[int] | None,
    options: GenerationOptions,
) -> GenerationPlan:
    """Decide how a plan is carried out.

    Args:
        model: the catalogue's entry of the profile's model.
        sizes: (width, height) of each image, the base first.
        mask_bounds: (top, bottom, left, right) of the edit mask on the result; None without a mask.

    Raises:
        InvalidRequest: an option contradicts the profile or the request.
        UnsupportedValue: a stand-in takes fewer images than the model in whose place it runs.
    """
    profile = choice.profile
    if len(sizes) > profile.max_images:
        raise UnsupportedValue(
            f"images has {len(sizes)} images; the limit of {profile.name} is {profile.max_images}. "
            "Send fewer.",
            field="images",
        )
    work = _work_size(plan, profile, model, options.sampling_pixels)
    region, region_notes = _region(plan, profile, mask_bounds, options)
    work = region.work if region else work
    kv_cache, kv_notes = _kv_cache(options.kv_cache, profile, len(sizes))
    easy_cache, easy_notes = _speed("easy_cache", options.easy_cache, profile.easy_cache)
    references = _references(
        plan, profile, sizes, work, region, options.reference_pixels, masked=mask_bounds is not None
    )
    return GenerationPlan(
        plan=plan,
        profile=profile,
        files=choice.files,
        work=work,
        region=region,
        references=references,
        masked=mask_bounds is not None,
        seeds=options.seeds,
        kv_cache=kv_cache,
        easy_cache=easy_cache,
        smaller_steps=options.smaller_steps,
        notes=(
            *alias_notes(plan.model, profile),
            *choice.notes,
            *_size_notes(plan, profile, work, region),
            *region_notes,
            *kv_notes,
            *easy_notes,
        ),
    )


def _work_size(plan: EditPlan, profile: Profile, model: Model, asked_pixels: int | None) -> Size:
    """The plan's own where the profile can sample it, else one on its grid at the plan's ratio."""
    work = (plan.work_width, plan.work_height)
    most = asked_pixels or profile.max_pixels
    if all(side % profile.grid == 0 for side in work) and math.prod(work) <= (1 + AREA_TOLERANCE) * most:
        return work
    area = min(math.prod(work), most)
    if area < _COARSE * profile.grid**2:
        return on_budget(work, area, profile.grid)
    unbounded = replace(model, grid=profile.grid, min_pixels=1)
    return size_on_grid(unbounded, parse_ratio(plan.aspect_ratio), area)


def _size_notes(plan: EditPlan, profile: Profile, work: Size, region: CropRegion | None) -> tuple[str, ...]:
    if region is not None or work == (plan.work_width, plan.work_height):
        return ()
    return (
        f"{profile.name} samples {work[0]}x{work[1]}; the result is fitted to {plan.width}x{plan.height}.",
    )


def _region(
    plan: EditPlan, profile: Profile, bounds: Sequence[int] | None, options: GenerationOptions
) -> tuple[CropRegion | None, tuple[str, ...]]:
    asked = options.crop_and_stitch
    if bounds is None:
        if asked == "on":
            raise InvalidRequest(
                "crop_and_stitch is on, but there is no mask to crop around. Connect one, or use auto."
            )
        return None, ()
    if asked == "off" or bounds[1] <= bounds[0]:
        return None, ()
    canvas = (plan.width, plan.height)
    pixels = options.sampling_pixels or profile.native_pixels
    region = choose_crop_region(bounds, canvas, pixels, profile.grid, always=asked == "on")
    if region is None:
        return None, ()
    x, y, width, height = region.window
    return region, (
        f"Only the {width}x{height} pixels at {x},{y} around the mask are edited, at "
        f"{region.work[0]}x{region.work[1]}, and pasted back.",
    )


def _kv_cache(asked: Switch, profile: Profile, references: int) -> tuple[bool, tuple[str, ...]]:
    if asked == "on" and profile.guided:
        raise InvalidRequest(
            f"kv_cache is on, but {profile.id} samples with cfg {profile.cfg:g}; the cache holds at cfg 1 "
            "only. Use a distilled profile, or auto."
        )
    if asked == "auto" and references < _LEAST_REFERENCES_FOR_CACHE:
        return False, ()
    return _speed("kv_cache", asked, profile.kv_cache)


def _speed(name: str, asked: Switch, option: SpeedOption) -> tuple[bool, tuple[str, ...]]:
    if asked == "auto":
        return option.on, (f"{name} is {'on' if option.on else 'off'}. {option.reason}",)
    return asked == "on", ()


def _references(
    plan: EditPlan,
    profile: Profile,
    sizes: Sequence[Size],
    work: Size,
    region: CropRegion | None,
    asked_pixels: int | None,
    *,
    masked: bool,
) -> tuple[ReferenceFit, ...]:
    """How each image becomes a reference; the base in register with the result where their shapes agree."""
    pixels = asked_pixels or profile.reference_pixels
    if profile.family == "mage-flow":
        # Its positions of reference and result are the same: every reference has the result's size.
        base = ReferenceFit(work, (plan.width, plan.height), region.window if region else None)
        return (base, *(ReferenceFit(work) for _ in sizes[1:]))
    result_ratio = plan.width / plan.height
    if masked or abs(math.log(sizes[0][0] / sizes[0][1] / result_ratio)) < _SAME_RATIO:
        fits = math.prod(work) <= (1 + AREA_TOLERANCE) * pixels
        size = work if fits else on_budget(work, pixels, profile.grid)
        base = ReferenceFit(size, (plan.width, plan.height), region.window if region else None)
    else:
        base = ReferenceFit(on_budget(sizes[0], pixels, profile.grid))
    return (base, *(ReferenceFit(on_budget(size, pixels, profile.grid)) for size in sizes[1:]))
