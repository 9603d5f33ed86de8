"""Plan an edit of tensors by a generative model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...catalog.lookup import Catalog
from ...common.errors import InvalidRequest
from ...layers.extension import Extension
from ...layers.placement import CanvasWindow
from ...planning.plan import EditPlan
from ...planning.tensor_plan import EditSettings, frames_of, plan_tensors
from .families import FAMILIES
from .generation import plan_generation
from .generation_plan import GenerationOptions, GenerationPlan
from .pixels import canvas_bounds
from .profiles.selection import ProfileSelection

if TYPE_CHECKING:
    from torch import Tensor


def plan_tensor_generation(
    settings: EditSettings,
    images: Sequence[Tensor],
    mask: Tensor | None,
    selection: ProfileSelection,
    options: GenerationOptions,
    catalog: Catalog,
) -> tuple[GenerationPlan, int]:
    """Decide an edit, and count the frames of the longest batch.

    Args:
        images: [B, H, W, 3 or 4]; the first is the base.
        mask: edit mask [B, h, w], 1 = change here, of any size, stretched over the base; what is fainter than
            `FAINTEST` counts as 0.

    Raises:
        InvalidRequest: the model makes no edits, the frames do not agree, the mask selects nothing of the
            result, or an option contradicts the request (see `plan_generation`).
        UnsupportedValue: the model does not take this ratio, tier, prompt length or number of images.
    """
    if selection.profile.family not in FAMILIES:
        raise InvalidRequest(
            f"{selection.profile.name} makes no edits. Connect it to Image to Layers, or load another model.",
            field="modelId",
        )
    frames = frames_of(images, mask)
    adapters = {settings.model: selection.profile.family}
    plan = plan_tensors(settings, images, mask, catalog, adapters)
    bounds = _bounds(plan, images[0], mask)
    sizes = [
        (image.shape[2], image.shape[1])
        for role, image in zip(plan.roles, images, strict=False)
        if role != "overlay"
    ]
    if plan.extension is not None:
        sizes[0] = plan.extension.size
    model = catalog.get(selection.profile.model)
    return plan_generation(plan, selection, model, sizes, bounds, options), frames


def _bounds(plan: EditPlan, base: Tensor, mask: Tensor | None) -> CanvasWindow | None:
    """The window on the result of what may change in any frame, the mask grown; None without a mask."""
    if plan.extension is not None:
        window = _extended_bounds(plan.extension, base, mask)
    elif mask is not None:
        window = canvas_bounds(mask, base, (plan.width, plan.height))
    else:
        return None
    top, bottom, left, right = window
    if top == bottom:
        raise InvalidRequest(
            f"The mask selects only what is cut away of image 1 for {plan.width}x{plan.height}, so nothing "
            "would change. Ask for keep_size, or mask a part that stays.",
            field="mask",
        )
    grow = plan.mask_options.grow
    return CanvasWindow(
        max(0, top - grow),
        min(plan.height, bottom + grow),
        max(0, left - grow),
        min(plan.width, right + grow),
    )


def _extended_bounds(extension: Extension, base: Tensor, mask: Tensor | None) -> CanvasWindow:
    """The window around what is added and what a mask of the base itself selects."""
    added = extension.added
    top, bottom, left, right = (
        (0, 0, 0, 0) if mask is None else canvas_bounds(mask, base, (extension.width, extension.height))
    )
    if top == bottom:
        return added
    return CanvasWindow(
        min(added.top, top + extension.top),
        max(added.bottom, bottom + extension.top),
        min(added.left, left + extension.left),
        max(added.right, right + extension.left),
    )
