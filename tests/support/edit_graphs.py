"""The graphs that the profiles' edits expand into, of images that are only sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from multiedit.pipelines.adapters.comfyui.edit_graph import edit_graph
from multiedit.pipelines.adapters.comfyui.generation import plan_generation
from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions, GenerationPlan
from multiedit.pipelines.adapters.comfyui.graph_builder import GraphSources
from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.layers.extension import Amount, Extend
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.planning.request import Role
from multiedit.pipelines.planning.tensor_plan import EditSettings, plan_tensors

PHOTOGRAPH, PORTRAIT, SQUARE = (1200, 800), (640, 960), (800, 800)
LARGE = (4000, 3000)
LINK = ["loader", 0]


@dataclass(frozen=True)
class Case:
    """What is asked of a profile.

    Attributes:
        sizes: (width, height) of each image, the base first.
        bounds: (top, bottom, left, right) of the mask on the result; None without one.
        masked: whether a mask is connected; None where there are bounds.
        upsampler: one is connected, where the family takes one.
    """

    sizes: Sequence[tuple[int, int]]
    bounds: tuple[int, int, int, int] | None = None
    options: GenerationOptions = GenerationOptions(retry_smaller=False)  # noqa: RUF009  # frozen
    settings: Mapping[str, Any] | None = None
    frames: int = 1
    masked: bool | None = None
    upsampler: bool = False

    @property
    def has_mask(self) -> bool:
        return self.bounds is not None if self.masked is None else self.masked


OVERLAY: dict[int, Role] = {2: "overlay"}
THREE = Case((PHOTOGRAPH, PORTRAIT, SQUARE))
CASES = {
    "1 image": Case((PHOTOGRAPH,)),
    "2 images": Case((PHOTOGRAPH, PORTRAIT)),
    "another ratio": Case((PHOTOGRAPH, PORTRAIT), settings={"aspect_ratio": "1:1"}),
    "keep size": Case((PHOTOGRAPH,), settings={"keep_size": True}),
    "mask": Case((PHOTOGRAPH, PORTRAIT), bounds=(100, 700, 200, 1000), settings={"keep_size": True}),
    "mask and region": Case((LARGE, PORTRAIT), bounds=(1000, 1400, 2000, 2600), settings={"keep_size": True}),
    "overlay": Case(
        (PHOTOGRAPH, PORTRAIT, SQUARE),
        settings={"roles": OVERLAY, "placements": {2: Placement(scale=0.5, anchor="top-left")}},
    ),
    "extend": Case(
        (PHOTOGRAPH, PORTRAIT),
        bounds=(0, 800, 1200, 1600),
        settings={"extend": Extend(right=Amount(400))},
        masked=False,
    ),
    "two frames": Case((PHOTOGRAPH,), frames=2),
    "smaller references": Case((PHOTOGRAPH, PORTRAIT), options=GenerationOptions()),
    "batch of four": Case((PHOTOGRAPH,), options=GenerationOptions(batch_size=4, retry_smaller=False)),
    "easy cache": Case((PHOTOGRAPH,), options=GenerationOptions(easy_cache="on", retry_smaller=False)),
}


def suited(profile: Profile, case: Case) -> Case:
    """A case with no more images than a profile takes, and with a mask where it needs one."""
    roles = (case.settings or {}).get("roles", {})
    seen = [number for number in range(1, len(case.sizes) + 1) if roles.get(number) != "overlay"]
    refused = seen[profile.max_images :]
    sizes = [size for number, size in enumerate(case.sizes, start=1) if number not in refused]
    needs_mask = load_catalog().get(profile.model).needs_mask
    bounds = case.bounds or ((100, 700, 200, 1000) if needs_mask else None)
    return replace(case, sizes=sizes, bounds=bounds)


def generation(profile: Profile, case: Case) -> GenerationPlan:
    """What is decided of a case, as far as it suits the profile."""
    case = suited(profile, case)
    catalog = load_catalog()
    asked: dict[str, Any] = {"prompt": "a hat", "seed": 7, **(case.settings or {})}
    settings = EditSettings(profile.model, **asked)
    images = [torch.empty(1).expand(1, height, width, 3) for width, height in case.sizes]
    mask = torch.ones(1, 1, 1) if case.has_mask else None
    plan = plan_tensors(settings, images, mask, catalog, {profile.model: profile.family})
    files = {
        name: (part.files[0].name if part.files else "merged.safetensors")
        for name, part in profile.parts.items()
    }
    sizes = [size for role, size in zip(plan.roles, case.sizes, strict=False) if role != "overlay"]
    if plan.extension is not None:
        sizes[0] = plan.extension.size
    model = catalog.get(profile.model)
    return plan_generation(
        plan, ProfileSelection(profile, files, ()), model, sizes, case.bounds, case.options
    )


def graph(profile: Profile, case: Case) -> dict[str, Any]:
    """The nodes of a case's graph, as far as it suits the profile, and the link to its image."""
    case = suited(profile, case)
    images = tuple([f"image {number}", 0] for number in range(1, len(case.sizes) + 1))
    upsampler = ["upsampler", 0] if case.upsampler else None
    sources = GraphSources(LINK, images, ["mask", 0] if case.has_mask else None, upsampler=upsampler)
    made = edit_graph(generation(profile, case), sources, case.frames, "edit.")
    return {"nodes": made.graph.nodes, "image": made.image}


def golden(profile: Profile) -> dict[str, Any]:
    """The graphs of a profile that are kept: three images, and of the family's first profile all cases."""
    first = next(each for each in load_profiles() if each.family == profile.family)
    return {"3 images": THREE} | (CASES if profile is first else {})
