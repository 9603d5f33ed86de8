"""Decisions of an edit by a generative model beside the plan: options in, decisions out."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from ...common.types import Size
from ...planning.model_options import LoraChoice, Switch
from ...planning.plan import EditPlan
from .crop_region import CropRegion
from .profiles.profile import PartName, Profile
from .reference_fit import ReferenceFit, on_budget

# What is tried in turn when a run does not fit into memory, as shares of the references' area.
SMALLER_SHARES = (0.5, 0.25)


@dataclass(frozen=True)
class GenerationOptions:
    """Options of a generative model beside the plan.

    Attributes:
        batch_size: results of one run; the first is that of a run with one.
        sampling_pixels: area that is sampled, the result being fitted from it; None is the plan's.
        reference_pixels: area to which a reference is scaled; None is the profile's.
        crop_and_stitch: edit only the part around the mask.
        retry_smaller: out of memory, try again with smaller references.
    """

    batch_size: int = 1
    sampling_pixels: int | None = None
    reference_pixels: int | None = None
    crop_and_stitch: Switch = "auto"
    kv_cache: Switch = "auto"
    easy_cache: Switch = "auto"
    retry_smaller: bool = True


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
    loras: tuple[LoraChoice, ...]
    work: Size
    region: CropRegion | None
    references: tuple[ReferenceFit, ...]
    masked: bool
    batch_size: int
    kv_cache: bool
    easy_cache: bool
    retry_smaller: bool
    notes: tuple[str, ...]

    @property
    def size(self) -> Size:
        """(width, height) of the result."""
        return self.plan.width, self.plan.height

    @property
    def base_fit(self) -> ReferenceFit:
        """The base at the size that is sampled, in register with the result."""
        return ReferenceFit(self.work, self.size, self.region.window if self.region else None)

    def reference_fits(self, share: float) -> tuple[ReferenceFit, ...]:
        """The references' fits at a share of their area."""
        if share == 1.0:
            return self.references
        grid = self.profile.cell
        sizes = [on_budget(fit.size, round(math.prod(fit.size) * share), grid) for fit in self.references]
        return tuple(replace(fit, size=size) for fit, size in zip(self.references, sizes, strict=True))

    @property
    def plan_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2)

    @property
    def summary(self) -> str:
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
                "loras": [asdict(lora) for lora in self.loras],
                "work": list(self.work),
                "region": list(self.region.window) if self.region else None,
                "references": [asdict(fit) for fit in self.references],
                "steps": profile.steps,
                "cfg": profile.cfg,
                "sampler": profile.sampler,
                "scheduler": profile.scheduler,
                "denoise": profile.denoise,
                "shift": profile.shift,
                "negative_prompt": profile.negative_prompt,
                "batch_size": self.batch_size,
                "kv_cache": self.kv_cache,
                "easy_cache": self.easy_cache,
            },
        }
