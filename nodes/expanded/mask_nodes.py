"""The mask and the base of an edit, as the options of the mask ask for them."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ...pipelines.planning.mask_options import LARGEST_EDGE, MASK_FILLS
from ..socket_values import output_tensor
from .sockets import FRAME, ITEM, covered_size, inner_schema, select_image, select_mask

_IMAGE = io.Image.Input("image", tooltip="The base.")
_MASK = io.Mask.Input("mask", tooltip="1 = change here.")


class MultiEditGrowMask(io.ComfyNode):
    """Grows a mask by pixels of the result."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        sides = [
            io.Int.Input(name, default=1024, min=1, max=2**31 - 1, tooltip="Of the result, in pixels.")
            for name in ("width", "height")
        ]
        grow = io.Int.Input("grow", default=0, min=0, max=LARGEST_EDGE, tooltip="Pixels of the result.")
        return inner_schema(
            "MultiEditGrowMask",
            "Grow Edit Mask",
            "Grows the mask of an edit.",
            [_IMAGE, _MASK, *sides, grow, ITEM, FRAME],
            [io.Mask.Output("mask")],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls,
        image: list[Any],
        mask: list[Any],
        width: list[int],
        height: list[int],
        grow: list[int],
        item: list[int],
        frame: list[int],
    ) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.pixels import grown_mask

        base, change = select_image(image, item, frame, "image"), select_mask(mask, item, frame, "mask")
        size = covered_size(width[0], height[0], base)
        return io.NodeOutput(output_tensor(grown_mask(change, base, size, grow[0])))


class MultiEditFill(io.ComfyNode):
    """Fills the masked part of the base before a model sees it."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        fill = io.Combo.Input("fill", options=list(MASK_FILLS), tooltip="With what.")
        return inner_schema(
            "MultiEditFill",
            "Fill Mask",
            "Fills what the mask selects, for the model's eyes only.",
            [_IMAGE, _MASK, fill, ITEM, FRAME],
            [io.Image.Output("image")],
            is_input_list=True,
        )

    @classmethod
    def execute(
        cls, image: list[Any], mask: list[Any], fill: list[Any], item: list[int], frame: list[int]
    ) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.mask_fill import prefilled

        base, change = select_image(image, item, frame, "image"), select_mask(mask, item, frame, "mask")
        return io.NodeOutput(output_tensor(prefilled(base, change, fill[0])))
