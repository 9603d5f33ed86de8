"""Decoded layers to a LAYERS document."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..socket_values import LAYERS
from .sockets import inner_schema, result_size


class MultiEditStackLayers(io.ComfyNode):
    """Lays the images of a batch over each other."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditStackLayers",
            "Stack Layers",
            "Makes a LAYERS document of a batch, the first image at the bottom, each over the whole canvas.",
            [
                io.Image.Input("images", tooltip="RGBA, as the model made them, decoded."),
                *(
                    io.Int.Input(
                        name, default=1024, min=1, max=2**31 - 1, tooltip="Of the canvas, in pixels."
                    )
                    for name in ("width", "height")
                ),
            ],
            [LAYERS.Output("layers")],
        )

    @classmethod
    def execute(cls, images: Any, width: int, height: int) -> io.NodeOutput:
        from ...pipelines.layers.stack import stack_frames

        return io.NodeOutput(stack_frames(images, result_size(width, height)))
