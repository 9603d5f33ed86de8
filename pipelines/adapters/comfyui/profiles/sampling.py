"""A user's changes to a profile's sampling, and to its LoRAs; each is a note of the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from ....common.errors import InvalidRequest
from ....common.validation import describe, shown
from ....planning.model_options import LoraChoice
from .profile import Profile, SpeedOption
from .selection import ProfileSelection

LARGEST_SHIFT = 100.0

_SHARED_CACHE = SpeedOption(False, "With guidance two branches would share one cache.")


@dataclass(frozen=True)
class Sampling:
    """Values in place of a profile's own; None leaves that.

    Attributes:
        steps: 1 to `Limits.max_steps`.
        cfg: 0 to 100; 1 is without guidance.
        sampler, scheduler: names of ComfyUI's.
        denoise: more than 0 up to 1, the share of the noise; below 1 sampling starts from image 1.
        shift: more than 0 up to LARGEST_SHIFT, of ModelSamplingAuraFlow.
        negative_prompt: read with guidance only.
    """

    steps: int | None = None
    cfg: float | None = None
    sampler: str | None = None
    scheduler: str | None = None
    denoise: float | None = None
    shift: float | None = None
    negative_prompt: str | None = None


def with_sampling(selection: ProfileSelection, sampling: Sampling, takes_shift: bool) -> ProfileSelection:
    """Change how a selected profile samples.

    Args:
        takes_shift: whether the family's graph sets the shift (see `Family`).

    Raises:
        InvalidRequest: the family takes its shift from elsewhere.
    """
    profile = selection.profile
    given = {name: value for name, value in asdict(sampling).items() if value is not None}
    if "shift" in given and not takes_shift:
        raise InvalidRequest(
            f"shift is {given['shift']:g}, but {profile.name} takes its shift from the checkpoint and the "
            "size. Set shift to -1.",
            field="shift",
        )
    changed = {name: value for name, value in given.items() if value != getattr(profile, name)}
    if not changed:
        return selection
    notes = (*selection.notes, *_notes(profile, changed))
    return replace(selection, profile=_changed(profile, changed), notes=notes)


def _changed(profile: Profile, values: Mapping[str, Any]) -> Profile:
    more: dict[str, Any] = dict(values)
    if {"steps", "scheduler"} & set(values):
        more["sigmas"] = ()  # they are as many as the profile's own steps
    if more.get("cfg", profile.cfg) != 1.0 and profile.kv_cache.on:
        more["kv_cache"] = _SHARED_CACHE
    return replace(profile, **more)


def _notes(profile: Profile, values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if name == "negative_prompt":
            yield f"The negative prompt is {describe(value)}."
            continue
        own = getattr(profile, name)
        before = "the checkpoint's own" if own is None else f"the profile's {own}"
        yield f"{name} is {value}, in place of {before}."
    if profile.sigmas and {"steps", "scheduler"} & set(values):
        yield "The profile's fixed sigmas are left out: they are for its own steps and scheduler."
    if values.get("negative_prompt") and values.get("cfg", profile.cfg) == 1.0:
        yield "The negative prompt has no effect: cfg is 1, which is without guidance. Set cfg above 1."


def with_lora(selection: ProfileSelection, name: str, strength: float) -> ProfileSelection:
    """Add a LoRA on top of what a selection has; one of strength 0 is none."""
    if strength == 0:
        return selection
    note = f"LoRA {shown(name)} is added at strength {strength:g}."
    loras = (*selection.loras, LoraChoice(name, strength))
    return replace(selection, loras=loras, notes=(*selection.notes, note))
