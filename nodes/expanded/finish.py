"""A decoded image to the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ...pipelines.planning.mask_options import LARGEST_EDGE
from ..progress import interruptible_torch
from ..socket_values import output_tensor
from .sockets import (
    FIT,
    FRAME,
    ITEM,
    covered_size,
    inner_schema,
    read_fit,
    result_size,
    select_image,
    select_mask,
)

_DECODED = io.Image.Input("image", tooltip="What the model made, decoded.")
_WIDTH, _HEIGHT = (
    io.Int.Input(name, default=1024, min=1, max=2**31 - 1, tooltip="Of the result, in pixels.")
    for name in ("width", "height")
)


def _edge_inputs() -> list[io.Input]:
    pixels = {"optional": True, "max": LARGEST_EDGE}
    return [
        io.Int.Input("feather", default=-1, min=-1, tooltip="Pixels; -1 is 4 at a megapixel.", **pixels),
        io.Int.Input("pull_in", default=0, min=0, tooltip="Pixels inside the mask's edge.", **pixels),
        io.Boolean.Input("color_match", optional=True, default=True, tooltip="Correct the colours."),
        io.Boolean.Input("align", optional=True, default=True, tooltip="Move back what is shifted."),
    ]


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
        decoded = image_batch(image, "image").float()
        return io.NodeOutput(output_tensor(resize(decoded, result_size(width, height))))


class MultiEditFinish(io.ComfyNode):
    """Keeps the base outside the mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditFinish",
            "Finish Edit",
            "Brings what was decoded to the result's size and matches it to the base by what is outside the "
            "mask, where the base keeps its pixels.",
            [
                _DECODED,
                _WIDTH,
                _HEIGHT,
                io.Image.Input("base"),
                io.Mask.Input("mask", tooltip="1 = change here."),
                FIT,
                ITEM,
                FRAME,
                *_edge_inputs(),
            ],
            [io.Image.Output("image"), io.String.Output("measured")],
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
        feather: Sequence[int] = (-1,),
        pull_in: Sequence[int] = (0,),
        color_match: Sequence[bool] = (True,),
        align: Sequence[bool] = (True,),
    ) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.matching import matched
        from ...pipelines.adapters.comfyui.measured import measured_json
        from ...pipelines.adapters.comfyui.pixels import finished
        from ...pipelines.images.tensor_input import image_batch

        own, change = select_image(base, item, frame, "base"), select_mask(mask, item, frame, "mask")
        seen, size = read_fit(fit, own), covered_size(width[0], height[0], own)
        correct = {"color_match": color_match[0], "align": align[0]}
        decoded, measured = matched(image_batch(image[0], "image"), own, change, seen, **correct)
        soft = None if feather[0] < 0 else feather[0]
        result = finished(decoded, size, own, change, seen, soft, pull_in[0])
        return io.NodeOutput(output_tensor(result), measured_json(measured))
