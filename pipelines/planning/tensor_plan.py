"""Node settings to a plan: of an edit whose images are tensors already, in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..catalog.lookup import Catalog
from ..images.input_image import ImageTensor
from ..images.tensor_input import count_frames
from ..layers.extension import Extend
from ..layers.placement import Placement
from .mask_options import MaskOptions
from .plan import EditPlan, make_plan
from .request import EditRequest, Extras, Role

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EditSettings:
    """The settings beside the images; None leaves a decision to the plan.

    Attributes:
        placement: of every overlay whose own is not given, for a model that composites.
        roles: of single images, by number from 2: overlay or reference. A model that composites takes the
            others for overlays, one that reads the prompt for references.
        placements: of single overlays, by number.
    """

    model: str
    prompt: str
    aspect_ratio: str | None = None
    resolution: str | None = None
    quality: str | None = None
    seed: int = 0
    keep_size: bool = False
    snap_ratio: bool = False
    extend: Extend | None = None
    placement: Placement = Placement()  # noqa: RUF009  # frozen
    roles: Mapping[int, Role] = field(default_factory=dict)
    placements: Mapping[int, Placement] = field(default_factory=dict)
    mask_options: MaskOptions = MaskOptions()  # noqa: RUF009  # frozen


def plan_tensors(
    settings: EditSettings,
    images: Sequence[Tensor],
    mask: Tensor | None,
    catalog: Catalog,
    adapters: Mapping[str, str],
) -> EditPlan:
    """Decide an edit of batches; the edit mask is [B, h, w], 1 = change here.

    Raises what `make_plan` raises.
    """
    from ..images.edit_mask import select_frames

    facts = [ImageTensor(image[:1]).facts() for image in images]
    if mask is not None:  # of any size: it is stretched over the base
        facts.append(replace(facts[0], selection=select_frames(mask)))
    return make_plan(_request(settings, len(images), mask is not None, catalog), facts, catalog, adapters)


def frames_of(images: Sequence[Tensor], mask: Tensor | None) -> int:
    """The frames of the longest batch. Raises what `count_frames` raises."""
    named = [(f"image {number}", image) for number, image in enumerate(images, start=1)]
    return count_frames([*named, *([] if mask is None else [("the mask", mask)])], "images")


def _request(settings: EditSettings, images: int, masked: bool, catalog: Catalog) -> EditRequest:
    """The request as another entry point would make it; roles come from the sockets."""
    further = range(2, images + 1)
    composites = not catalog.get(settings.model).interprets_prompt
    usual: Role = "overlay" if composites else "reference"
    roles: dict[int, Role] = {number: settings.roles.get(number, usual) for number in further}
    overlays = [number for number in further if roles[number] == "overlay"]
    if masked:
        roles[images + 1] = "mask"
    return EditRequest(
        prompt=settings.prompt,
        images=(),
        model_id=settings.model,
        aspect_ratio=settings.aspect_ratio,
        resolution=settings.resolution,
        quality=settings.quality,
        safe_mode=False,
        multiedit=Extras(
            seed=settings.seed,
            roles=roles,
            placement={number: settings.placements.get(number, settings.placement) for number in overlays},
            keep_size=settings.keep_size,
            snap_ratio=settings.snap_ratio,
            extend=settings.extend,
            mask_options=settings.mask_options,
        ),
    )
