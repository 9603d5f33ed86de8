"""The embedded adapter layer-composite: it composites the layers and does not read the prompt.

The base covers the canvas, centred (what sticks out is cut, nothing is distorted). Overlays are placed by
the plan. A mask lies over the base as the base lies on the canvas, and limits where the result may differ
from it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.threads import in_parallel
from ..common.types import Away, OnProgress
from ..images.input_image import PixelSource
from ..layers.composite import composite
from ..layers.document import Document, Layer
from ..layers.masked import keep_outside, same_pixels
from ..layers.placement import Box, Placement, place
from ..planning.plan import UNCHANGED, EditPlan
from .base import EditOutput

_COVER = Placement(fit="cover")


class CompositeAdapter:
    """Runs plans with the compositor of `layers/`.

    Args:
        limits: bound the size of the base that covers the canvas, and of a placed overlay.
    """

    name = "layer-composite"

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def run(
        self,
        plan: EditPlan,
        images: Sequence[PixelSource],
        progress: OnProgress,
        away: Away = contextlib.nullcontext,
    ) -> EditOutput:
        """See `Adapter.run`."""
        canvas = (plan.width, plan.height)
        cover = self._box(1, _COVER, images[0], canvas)
        boxes = {
            number: self._box(number, placement, images[number - 1], canvas)
            for number, placement in plan.placements.items()
        }
        base, mask, decoded = _decode(plan, images, cover, boxes)
        progress(0.5)
        document = Document(*canvas, _stacked(plan, base, decoded, boxes))
        edited = composite(document, progress=lambda share: progress(0.5 + 0.4 * share))
        progress(0.9)
        result = edited if mask is None else keep_outside(base[0], edited[0], mask[0])[None]
        unchanged = bool(plan.placements) and same_pixels(base[0], result[0])
        return EditOutput(result, (UNCHANGED,) if unchanged else ())

    def _box(self, number: int, placement: Placement, image: PixelSource, canvas: tuple[int, int]) -> Box:
        box = place(placement, image.size, canvas)
        limit, size = self._limits.max_canvas_pixels, f"{box.width}x{box.height}"
        if box.width * box.height <= limit:
            return box
        if number == 1:
            raise InvalidRequest(
                f"image 1 would have to be {size} to cover {canvas[0]}x{canvas[1]}; the limit is {limit} px. "
                "Crop it to about that shape, or ask for keep_size. "
                "MULTIEDIT_MAX_CANVAS_PIXELS sets the limit.",
                field="aspect_ratio",
            )
        raise InvalidRequest(
            f"multiedit.placement makes image {number} {size}; the limit is {limit} px. Use a smaller scale. "
            "MULTIEDIT_MAX_CANVAS_PIXELS sets the limit.",
            field=f"multiedit.placement.{number}.scale",
        )


def _decode(
    plan: EditPlan, images: Sequence[PixelSource], cover: Box, boxes: dict[int, Box]
) -> tuple[Tensor, Tensor | None, dict[int, Tensor]]:
    """Decode the base and the mask onto the canvas, and the overlays at their placed size or larger."""
    window = (slice(None), slice(-cover.y, plan.height - cover.y), slice(-cover.x, plan.width - cover.x))
    jobs: dict[int, Callable[[], Tensor]] = {1: partial(images[0].image, (cover.width, cover.height))}
    for number, box in boxes.items():
        image = images[number - 1]
        # An enlarged overlay stays as it is: the compositor computes only what can be seen of it.
        shrunk = box.width <= image.size[0] and box.height <= image.size[1]
        jobs[number] = partial(image.image, (box.width, box.height) if shrunk else None)
    if "mask" in plan.roles:
        number = plan.roles.index("mask") + 1
        jobs[number] = partial(images[number - 1].mask, (cover.width, cover.height))
    decoded = dict(zip(jobs, in_parallel(lambda job: job(), list(jobs.values())), strict=True))
    mask = decoded[plan.roles.index("mask") + 1][window] if "mask" in plan.roles else None
    return decoded[1][window], mask, decoded


def _stacked(
    plan: EditPlan, base: Tensor, decoded: dict[int, Tensor], boxes: dict[int, Box]
) -> tuple[Layer, ...]:
    """The base and the overlays from the bottom: by z, equal ones in order; the base has 0."""
    layers = [(0, Layer(base, Box(0, 0, plan.width, plan.height)))]
    for number, placement in plan.placements.items():
        layers.append((placement.z, _layer(decoded[number], boxes[number], placement)))
    return tuple(layer for _, layer in sorted(layers, key=lambda each: each[0]))


def _layer(image: Tensor, box: Box, placement: Placement) -> Layer:
    return Layer(
        image=image,
        box=box,
        opacity=placement.opacity,
        blend_mode=placement.blend_mode,
        visible=placement.visible,
        flip_h=placement.flip_h,
        flip_v=placement.flip_v,
        rotation=math.radians(placement.rotation),
        seamless=placement.seamless,
    )
