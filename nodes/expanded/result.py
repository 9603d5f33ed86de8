"""The result of an edit, shown on its Multi-Edit."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..progress import interruptible_torch
from ..result_pictures import result_pictures
from ..stage_pictures import TOLD_AGAIN
from .sockets import ITEM, inner_schema, select_item


class MultiEditResult(io.ComfyNode):
    """Passes the result on, and leaves it for the page with the base."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditResult",
            "Show Edit",
            "Passes the edited image on, and shows it beside the base.",
            [io.Image.Input("image"), io.Image.Input("base"), ITEM],
            [io.Image.Output("image")],
            is_input_list=True,
            **TOLD_AGAIN,
        )

    @classmethod
    @interruptible_torch()
    def execute(cls, image: list[Any], base: list[Any], item: list[int]) -> io.NodeOutput:
        return io.NodeOutput(image[0], ui=result_pictures(image[0], select_item(base, item)) or None)
