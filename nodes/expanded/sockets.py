"""Share the schema of the inner nodes, and their inputs, which ComfyUI hands over as lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ...pipelines.adapters.comfyui.reference_fit import ReferenceFit, bounded_size
from ...pipelines.common.settings import Limits

if TYPE_CHECKING:
    from torch import Tensor

FIT = io.Custom("MULTIEDIT_FIT").Input(
    "fit", tooltip="Which part of the image is shown, and at which size, as ReferenceFit.to_dict has it."
)
ITEM = io.Int.Input("item", default=0, min=0, max=2**31 - 1, tooltip="Which of a list, from 0.")
FRAME = io.Int.Input("frame", default=0, min=0, max=2**31 - 1, tooltip="Which of a batch, from 0.")


def inner_schema(
    node_id: str,
    display_name: str,
    description: str,
    inputs: list[io.Input],
    outputs: list[io.Output],
    **more: Any,
) -> io.Schema:
    """The schema of a node that a user meets only in a message."""
    return io.Schema(
        node_id=node_id,
        display_name=display_name,
        category="MultiEdit/expanded",
        description=description,
        is_dev_only=True,
        inputs=inputs,
        outputs=outputs,
        **more,
    )


def select_item(values: Sequence[Any], item: Sequence[int]) -> Any:
    """The value of a list that `item` says; a shorter list serves with its last, as ComfyUI has it."""
    return values[min(item[0], len(values) - 1)]


def read_fit(values: Sequence[Any], image: Tensor) -> ReferenceFit:
    """The fit of an image [1, H, W, C], within the limits, for whoever sends a graph of these nodes alone."""
    from ...pipelines.adapters.comfyui.pixels import require_bounds

    limits = Limits.from_environment()
    fit = ReferenceFit.from_dict(values[0], limits)
    require_bounds(fit, image, limits)
    return fit


def covered_size(width: int, height: int, image: Tensor) -> tuple[int, int]:
    """The size of a result that an image [1, H, W, C] covers, within the limits too."""
    from ...pipelines.adapters.comfyui.pixels import require_bounds

    size = result_size(width, height)
    require_bounds(ReferenceFit(size, size), image, Limits.from_environment())
    return size


def result_size(width: int, height: int) -> tuple[int, int]:
    """The size of a result, within the limits."""
    return bounded_size((width, height), "the result", Limits.from_environment())


def select_image(values: Sequence[Any], item: Sequence[int], frame: Sequence[int], name: str) -> Tensor:
    """One frame of an item's image, float32 [1, H, W, 3 or 4]; a shorter batch serves with its last."""
    from ...pipelines.adapters.comfyui.pixels import frame_of
    from ...pipelines.images.tensor_input import image_batch, image_tensor

    return image_tensor(frame_of(image_batch(select_item(values, item), name), frame[0]), name)


def select_mask(values: Sequence[Any], item: Sequence[int], frame: Sequence[int], name: str) -> Tensor:
    """One frame of an item's mask, float32 [1, H, W]; a shorter batch serves with its last."""
    from ...pipelines.adapters.comfyui.pixels import frame_of
    from ...pipelines.images.tensor_input import mask_batch, mask_tensor

    return mask_tensor(frame_of(mask_batch(select_item(values, item), name), frame[0]), name)
