"""A model's answer to the result."""

from __future__ import annotations

import json
from typing import Any

from comfy_api.latest import io

from .sockets import FIT, FRAME, ITEM, inner_schema, read_fit, select_item

_ANSWER = io.Image.Input("image", tooltip="What the model made, decoded.")
_SIZE = io.String.Input("size", tooltip="[width, height] of the result in pixels, as JSON.")


class MultiEditScale(io.ComfyNode):
    """Fits the answer to the result's size."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditScale",
            "Scale Edit",
            "Brings what was decoded to the result's size.",
            [_ANSWER, _SIZE],
            [io.Image.Output("image")],
        )

    @classmethod
    def execute(cls, image: Any, size: str) -> io.NodeOutput:
        from ...pipelines.images.resample import resize

        width, height = json.loads(size)
        # Half floats with ComfyUI's --fp16-intermediates.
        return io.NodeOutput(resize(image.float(), (width, height)))


class MultiEditFinish(io.ComfyNode):
    """Keeps the base outside the mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditFinish",
            "Finish Edit",
            "Brings what was decoded to the result's size; outside the mask the base keeps its pixels.",
            [
                _ANSWER,
                _SIZE,
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
    def execute(
        cls,
        image: list[Any],
        size: list[str],
        base: list[Any],
        mask: list[Any],
        fit: list[str],
        item: list[int],
        frame: list[int],
    ) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.pixels import finished, frame_of

        width, height = json.loads(size[0])
        picture, change = (frame_of(select_item(values, item), frame[0]) for values in (base, mask))
        return io.NodeOutput(finished(image[0], (width, height), picture, change, read_fit(fit)))
