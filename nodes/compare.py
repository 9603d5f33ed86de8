"""Compare Images."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from .progress import interruptible_torch
from .result_pictures import result_pictures
from .stage_pictures import TOLD_AGAIN


class MultiEditCompare(io.ComfyNode):
    """Show two images over each other, with a slider between them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditCompare",
            display_name="Compare Images",
            category="MultiEdit",
            description=(
                "Shows two images over each other on the node, with a slider between them, or how they "
                "differ. It changes and saves nothing; without a page it does nothing."
            ),
            search_aliases=["before after", "image comparer", "slider", "difference", "a/b", "side by side"],
            is_output_node=True,
            inputs=[
                io.Image.Input("before", tooltip="The image on the left of the slider. RGB or RGBA."),
                io.Image.Input(
                    "after",
                    tooltip="The image on the right of the slider. RGB or RGBA, of any size: each is shown "
                    "as large as fits.",
                ),
            ],
            outputs=[],
            **TOLD_AGAIN,
        )

    @classmethod
    @interruptible_torch()
    def execute(cls, before: Any, after: Any) -> io.NodeOutput:
        from ..pipelines.images.tensor_input import image_batch

        images = image_batch(after, "after"), image_batch(before, "before")
        return io.NodeOutput(ui=result_pictures(*images) or None)
