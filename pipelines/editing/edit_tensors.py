"""An edit of pictures that are tensors already: the same plan and the same adapters, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..adapters.base import Adapter, EditOutput, run_adapter
from ..catalog.lookup import Catalog
from ..common.types import OnProgress
from ..images.input_image import ImageTensor
from ..images.resample import resize
from ..layers.masked import with_channels
from ..planning.plan import EditPlan
from ..planning.tensor_plan import EditSettings, frames_of, plan_tensors


@dataclass(frozen=True)
class EditedTensors:
    """The result [B, H, W, 3 or 4], the plan that every frame was made by, and what its maker told."""

    image: Tensor
    plan: EditPlan
    told: tuple[str, ...] = ()

    @property
    def plan_json(self) -> str:
        return json.dumps(self.plan.to_dict(), indent=2)

    @property
    def report(self) -> str:
        """Model, size and notes, a line each."""
        plan = self.plan
        return "\n".join([f"{plan.model_name}: {plan.width} x {plan.height} pixels", *plan.notes, *self.told])


def edit_tensors(
    settings: EditSettings,
    images: Sequence[Tensor],
    mask: Tensor | None,
    catalog: Catalog,
    adapters: Mapping[str, Adapter],
    progress: OnProgress,
) -> EditedTensors:
    """Edit batches of pictures; a batch of one serves every frame of a longer one.

    Args:
        images: [B, H, W, 3 or 4], 0..1, sRGB, straight alpha; the first is the base.
        mask: edit mask [B, h, w], 1 = change here, of any size, stretched over the base.
        progress: called with the share of all frames that is done; what it raises ends the edit.

    Raises:
        InvalidRequest: the numbers of frames do not agree, or the plan cannot be made (see `make_plan`).
        ModelUnavailable: no adapter carries the model out.
    """
    batches = [*images, *([] if mask is None else [mask])]
    frames = frames_of(images, mask)
    names = {model: adapter.name for model, adapter in adapters.items()}
    plan = plan_tensors(settings, images, mask is not None, catalog, names)
    results: list[tuple[EditPlan, EditOutput]] = []
    for frame in range(frames):
        report = lambda share, done=frame: progress((done + share) / frames)  # noqa: E731
        results.append(run_adapter(adapters[plan.model], plan, _pictures(batches, frame), report))
    return EditedTensors(_batch([made.image for _, made in results]), results[0][0], results[-1][1].messages)


def _pictures(batches: Sequence[Tensor], frame: int) -> list[ImageTensor]:
    return [ImageTensor(batch[min(frame, len(batch) - 1)][None]) for batch in batches]


def _batch(results: Sequence[Tensor]) -> Tensor:
    """One tensor of all frames, of the first one's size, with alpha where one has it."""
    channels = max(result.shape[3] for result in results)
    size = (results[0].shape[2], results[0].shape[1])
    return torch.cat([with_channels(resize(result, size), channels) for result in results])
