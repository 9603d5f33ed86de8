"""Edit images that are tensors already: the same plan and the same adapters, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..adapters.base import Adapter, EditOutput, run_adapter
from ..catalog.lookup import Catalog
from ..common.types import OnProgress
from ..images.input_image import ImageTensor
from ..images.resample import resize
from ..images.tensor_input import image_tensors, mask_tensor
from ..layers.masked import with_channels
from ..planning.plan import EditPlan
from ..planning.tensor_plan import EditSettings, frames_of, plan_tensors


@dataclass(frozen=True)
class EditedTensors:
    """An edited batch. What only some frames have is said with their number: "Frame 2: ...".

    Attributes:
        image: float32 [B, H, W, 3 or 4], on the base's device.
        plan: of all frames, with the first one's size and the notes of each.
        messages: for the person who asked, and for no file.
        blurred: numbers of the frames, from 1, that were blurred where they were made.
    """

    image: Tensor
    plan: EditPlan
    messages: tuple[str, ...] = ()
    blurred: tuple[int, ...] = ()

    @property
    def plan_json(self) -> str:
        return json.dumps(self.plan.to_dict(), indent=2)

    @property
    def summary(self) -> str:
        """Model, size, notes and messages, a line each."""
        size = f"{self.plan.model_name}: {self.plan.width} x {self.plan.height} pixels"
        return "\n".join([size, *self.plan.notes, *self.messages])


def edit_tensors(
    settings: EditSettings,
    images: Sequence[object],
    mask: object,
    catalog: Catalog,
    adapters: Mapping[str, Adapter],
    progress: OnProgress,
) -> EditedTensors:
    """Edit batches of images; a batch of one serves every frame of a longer one.

    Args:
        images: 0..1, sRGB, straight alpha, of any layout that `images/tensor_input.py` takes; the first is
            the base.
        mask: edit mask, 1 = change here, of any size, stretched over the base; None for none.
        progress: called with the share of all frames that is done; what it raises ends the edit.

    Raises:
        InvalidRequest: a tensor is no such image or mask, the numbers of frames do not agree, or the plan
            cannot be made (see `make_plan`).
        ModelUnavailable: no adapter carries the model out.
    """
    tensors = list(image_tensors(dict(enumerate(images, start=1)), "image {}").values())
    change = None if mask is None else mask_tensor(mask, "the mask", tensors[0].device)
    batches = [*tensors, *([] if change is None else [change])]
    frames = frames_of(tensors, change)
    names = {model: adapter.name for model, adapter in adapters.items()}
    plan = plan_tensors(settings, tensors, change, catalog, names)
    results: list[tuple[EditPlan, EditOutput]] = []
    for frame in range(frames):
        on_progress = lambda share, done=frame: progress((done + share) / frames)  # noqa: E731
        results.append(run_adapter(adapters[plan.model], plan, _frame(batches, frame), on_progress))
    notes = _by_frame([frame_plan.notes for frame_plan, _ in results])
    blurred = {number: made for number, (_, made) in enumerate(results, start=1) if made.blurred}
    unsaid = (number for number, made in blurred.items() if "blurred" not in " ".join(made.notes).lower())
    messages = _by_frame([made.messages for _, made in results])
    return EditedTensors(
        image=_batch([made.image for _, made in results]),
        plan=replace(results[0][0], notes=notes),
        messages=(*messages, *(f"Frame {number}: blurred by the provider." for number in unsaid)),
        blurred=tuple(blurred),
    )


def _by_frame(texts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return what every frame has once and as it stands, then what only some have, with its number."""
    shared = [text for text in texts[0] if all(text in each for each in texts)]
    single = (
        f"Frame {number}: {text}"
        for number, each in enumerate(texts, start=1)
        for text in each
        if text not in shared
    )
    return (*shared, *single)


def _frame(batches: Sequence[Tensor], frame: int) -> list[ImageTensor]:
    return [ImageTensor(batch[min(frame, len(batch) - 1)][None]) for batch in batches]


def _batch(results: Sequence[Tensor]) -> Tensor:
    """One tensor of all frames, of the first one's size, with alpha where one has it."""
    channels = max(result.shape[3] for result in results)
    if len(results) == 1:
        return results[0]
    size = (results[0].shape[2], results[0].shape[1])
    return torch.cat([with_channels(resize(result, size), channels) for result in results])
