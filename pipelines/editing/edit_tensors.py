"""An edit of pictures that are tensors already: the same plan and the same adapters, frame by frame."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..adapters.base import Adapter, EditOutput, OnProgress, run_adapter
from ..catalog.lookup import Catalog
from ..common.errors import InvalidRequest
from ..images.input_image import ImageTensor
from ..images.resample import resize
from ..layers.masked import with_channels
from ..layers.placement import Placement
from ..planning.plan import EditPlan, make_plan
from ..planning.request import EditRequest, Extras, Role


@dataclass(frozen=True)
class EditSettings:
    """What is asked beside the pictures; None leaves a decision to the plan.

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
    placement: Placement = Placement()  # noqa: RUF009  # frozen
    roles: Mapping[int, Role] = field(default_factory=dict)
    placements: Mapping[int, Placement] = field(default_factory=dict)


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
    return EditedTensors(_batch([made.image for _, made in results]), results[0][0], results[-1][1].told)


def plan_tensors(
    settings: EditSettings,
    images: Sequence[Tensor],
    masked: bool,
    catalog: Catalog,
    adapters: Mapping[str, str],
) -> EditPlan:
    """Decide an edit of batches. Raises what `make_plan` raises."""
    facts = [ImageTensor(image[:1]).facts() for image in images]
    # Of a mask only that there is one counts: it is stretched over the base.
    facts += facts[:1] if masked else []
    return make_plan(_request(settings, len(images), masked, catalog), facts, catalog, adapters)


def frames_of(images: Sequence[Tensor], mask: Tensor | None) -> int:
    """The frames of the longest batch.

    Raises:
        InvalidRequest: a batch has neither one frame nor as many.
    """
    named = {f"image {number}": image for number, image in enumerate(images, start=1)}
    named |= {} if mask is None else {"the mask": mask}
    longest = max(len(batch) for batch in named.values())
    for name, batch in named.items():
        if len(batch) not in (1, longest):
            raise InvalidRequest(
                f"{name} has {len(batch)} frames beside {longest}; every image and the mask need one "
                f"frame or {longest}.",
                field="images",
            )
    return longest


def _pictures(batches: Sequence[Tensor], frame: int) -> list[ImageTensor]:
    return [ImageTensor(batch[min(frame, len(batch) - 1)][None]) for batch in batches]


def _request(settings: EditSettings, images: int, masked: bool, catalog: Catalog) -> EditRequest:
    """The request as another face would make it; what the sockets say of the pictures is not inferred."""
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
        ),
    )


def _batch(results: Sequence[Tensor]) -> Tensor:
    """One tensor of all frames, of the first one's size, with alpha where one has it."""
    channels = max(result.shape[3] for result in results)
    size = (results[0].shape[2], results[0].shape[1])
    return torch.cat([with_channels(resize(result, size), channels) for result in results])
