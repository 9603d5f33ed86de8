"""A decoded image to the result."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..progress import interruptible_torch
from ..socket_values import output_tensor
from .sockets import FIT, FRAME, ITEM, inner_schema, read_fit, select_image, select_mask

_DECODED = io.Image.Input("image", tooltip="What the model made, decoded.")
_WIDTH, _HEIGHT = (
    io.Int.Input(name, default=1024, min=1, max=2**31 - 1, tooltip="Of the result, in pixels.")
    for name in ("width", "height")
)


class MultiEditScale(io.ComfyNode):
    """Scales a decoded image to the result's size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditScale",
            "Scale Edit",
            "Brings what was decoded to the result's size.",
            [_DECODED, _WIDTH, _HEIGHT],
            [io.Image.Output("image")],
        )

    @classmethod
    @interruptible_torch()
    def execute(cls, image: Any, width: int, height: int) -> io.NodeOutput:
        from ...pipelines.images.resample import resize
        from ...pipelines.images.tensor_input import image_batch

        # What a model made may be NaN: Safe Mode and Save Edited Image judge it, image by image.
        return io.NodeOutput(output_tensor(resize(image_batch(image, "image").float(), (width, height))))


class MultiEditFinish(io.ComfyNode):
    """Keeps the base outside the mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditFinish",
            "Finish Edit",
            "Brings what was decoded to the result's size; outside the mask the base keeps its pixels.",
            [
                _DECODED,
                _WIDTH,
                _HEIGHT,
                io.Image.Input("base"),
                io.Mask.Input("mask", tooltip="1 = change here."),
                FIT,
                ITEM,
                FRAME,
            ],
            [io.Image.Output("image")],
            is_input_list=True,
        )

    @classmethod
    @interruptible_torch()
    def execute(
        cls,
        image: list[Any],
        width: list[int],
        height: list[int],
        base: list[Any],
        mask: list[Any],
        fit: list[Any],
        item: list[int],
        frame: list[int],
    ) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.pixels import finished
        from ...pipelines.images.tensor_input import image_batch

        decoded = image_batch(image[0], "image")
        own, change = select_image(base, item, frame, "base"), select_mask(mask, item, frame, "mask")
        size = (width[0], height[0])
        return io.NodeOutput(output_tensor(finished(decoded, size, own, change, read_fit(fit))))
