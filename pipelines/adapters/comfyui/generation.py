"""The decisions of an edit by a generative model, once the profile is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...catalog.model import Model, parse_ratio
from ...common.errors import InvalidRequest, UnsupportedValue
from ...common.types import Size
from ...planning.model_options import MEGAPIXEL, Switch
from ...planning.plan import EditPlan
from ...planning.roles import require_mask
from ...planning.shape import STRETCHED, cut_notes, shapes_apart
from ...planning.size import AREA_TOLERANCE, size_on_grid
from .crop_region import CropRegion, choose_crop_region
from .families import FAMILIES
from .generation_plan import GenerationOptions, GenerationPlan
from .profiles.profile import Profile, SpeedOption
from .profiles.selection import ProfileSelection, alias_notes
from .reference_fit import ReferenceFit, on_budget, reference_area

# Areas of fewer squares of the grid have no point near every ratio (see `size_on_grid`).
_COARSE = 400


def plan_generation(
    plan: EditPlan,
    selection: ProfileSelection,
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
        InvalidRequest: an option contradicts the profile or the request, or the profile needs a mask.
        UnsupportedValue: an alias takes fewer images than the model in whose place it runs.
    """
    profile = selection.profile
    require_mask(model, mask_bounds is not None, options.crop_and_stitch)
    _require_few(sizes, profile)
    work = _work_size(plan, profile, model, options.sampling_pixels)
    region, region_notes = _region(plan, profile, mask_bounds, options)
    work = region.work if region else work
    kv_cache, kv_notes = _kv_cache(options.kv_cache, profile)
    easy_cache, easy_notes = _speed("easy_cache", options.easy_cache, profile.easy_cache)
    base = ReferenceFit(work, (plan.width, plan.height), region.window if region else None)
    pixels = options.reference_pixels or _reference_pixels(profile, work, len(sizes))
    masked = mask_bounds is not None
    references = FAMILIES[profile.family].fit_references(base, sizes, pixels, profile.cell, masked)
    return GenerationPlan(
        plan=plan,
        profile=profile,
        files=selection.files,
        loras=selection.loras,
        work=work,
        region=region,
        references=references,
        masked=masked,
        batch_size=options.batch_size,
        kv_cache=kv_cache,
        easy_cache=easy_cache,
        retry_smaller=options.retry_smaller,
        notes=(
            *alias_notes(plan.model, profile),
            *selection.notes,
            *_most_notes(profile, options.sampling_pixels),
            *_size_notes(plan, profile, work, region),
            *_cut_notes(plan, model, sizes[0], references[0] if references else base),
            *_fill_notes(plan, profile, references),
            *region_notes,
            *_edge_notes(plan, mask_bounds),
            *kv_notes,
            *easy_notes,
        ),
    )


def _require_few(sizes: Sequence[Size], profile: Profile) -> None:
    if len(sizes) > profile.max_images:
        raise UnsupportedValue(
            f"images has {len(sizes)} images; the limit of {profile.name} is {profile.max_images}. "
            "Send fewer.",
            field="images",
        )


def _work_size(plan: EditPlan, profile: Profile, model: Model, asked_pixels: int | None) -> Size:
    """The plan's own where the profile can sample it, else one on its grid at the plan's ratio."""
    work = (plan.work_width, plan.work_height)
    most = min(asked_pixels or profile.max_pixels, profile.max_pixels)
    if all(side % profile.grid == 0 for side in work) and math.prod(work) <= (1 + AREA_TOLERANCE) * most:
        return work
    area = min(math.prod(work), most)
    if area < _COARSE * profile.grid**2:
        return on_budget(work, area, profile.grid)
    unbounded = replace(model, grid=profile.grid, min_pixels=1)
    return size_on_grid(unbounded, parse_ratio(plan.aspect_ratio), area)


def _most_notes(profile: Profile, asked_pixels: int | None) -> Iterator[str]:
    if asked_pixels and asked_pixels > profile.max_pixels:
        yield (
            f"sampling_megapixels {asked_pixels / MEGAPIXEL:.3g} is more than {profile.name} samples: "
            f"{profile.max_pixels / MEGAPIXEL:.3g} is its most."
        )


def _size_notes(plan: EditPlan, profile: Profile, work: Size, region: CropRegion | None) -> tuple[str, ...]:
    if region is not None or work == (plan.work_width, plan.work_height):
        return ()
    return (
        f"{profile.name} samples {work[0]}x{work[1]}; the result is fitted to {plan.width}x{plan.height}.",
    )


def _cut_notes(plan: EditPlan, model: Model, base: Size, fit: ReferenceFit) -> tuple[str, ...]:
    """Say what is cut where the model sees the base in register with the result, if the plan has not."""
    if fit.canvas is None or shapes_apart(base, fit.canvas) <= STRETCHED:
        return ()
    return tuple(note for note in cut_notes(model, base, fit.canvas) if note not in plan.notes)


def _reference_pixels(profile: Profile, work: Size, count: int) -> int:
    if not profile.references_follow:
        return profile.reference_pixels
    return reference_area(math.prod(work), count, profile.reference_pixels)


def _fill_notes(plan: EditPlan, profile: Profile, references: Sequence[ReferenceFit]) -> tuple[str, ...]:
    if references or plan.mask_options.fill == "keep":
        return ()
    return (f"mask_fill is not used: {profile.name} never sees what the mask selects.",)


def _region(
    plan: EditPlan, profile: Profile, bounds: Sequence[int] | None, options: GenerationOptions
) -> tuple[CropRegion | None, tuple[str, ...]]:
    if bounds is None:
        return None, ()
    context = plan.mask_options.context
    whole = (f"mask_context {context:g} is not used: the model sees all of image 1.",) if context else ()
    if options.crop_and_stitch == "off" or bounds[1] <= bounds[0]:
        return None, whole
    canvas, always = (plan.width, plan.height), options.crop_and_stitch == "on"
    pixels = min(options.sampling_pixels or profile.native_pixels, profile.max_pixels)
    region = choose_crop_region(bounds, canvas, pixels, profile.grid, always=always, context=context)
    if region is None:
        return None, whole
    x, y, width, height = region.window
    return region, (
        f"Only the {width}x{height} pixels at {x},{y} around the mask are edited, at "
        f"{region.work[0]}x{region.work[1]}, and pasted back.",
    )


def _edge_notes(plan: EditPlan, bounds: Sequence[int] | None) -> Iterator[str]:
    """Say where the mask is too small for its edge."""
    if bounds is None:
        return
    room = min(bounds[1] - bounds[0], bounds[3] - bounds[2]) // 2
    options = plan.mask_options
    if (options.feather or 0) + options.pull_in > room:
        yield (
            f"mask_feather {options.feather or 0} and mask_pull_in {options.pull_in} are more than the "
            f"{room} px from the mask's edge to its middle: they are halved until there is room."
        )


def _kv_cache(asked: Switch, profile: Profile) -> tuple[bool, tuple[str, ...]]:
    if asked == "on" and profile.guided:
        raise InvalidRequest(
            f"kv_cache is on, but {profile.id} samples with cfg {profile.cfg:g}; the cache holds at cfg 1 "
            "only. Use a distilled profile, or auto."
        )
    return _speed("kv_cache", asked, profile.kv_cache)


def _speed(name: str, asked: Switch, option: SpeedOption) -> tuple[bool, tuple[str, ...]]:
    if asked == "auto":
        return option.on, (f"{name} is {'on' if option.on else 'off'}. {option.reason}",)
    return asked == "on", ()
