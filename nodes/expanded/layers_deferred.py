"""Image to Layers, planned only once its model is loaded."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..image_to_layers import LAYERS_DEFERRED, split_image, split_inputs, split_outputs
from ..loaded_model import LOADED_MODEL, require_loaded_model
from .sockets import ITEM, inner_schema, select_item


class MultiEditLayersDeferred(io.ComfyNode):
    """The splitting of an image where the graph does not show which model will be loaded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            LAYERS_DEFERRED,
            "Image to Layers (deferred)",
            "Splits an image by a model that comes from another node than Load Multi-Edit Model.",
            [LOADED_MODEL.Input("loaded_model"), *split_inputs(), ITEM],
            split_outputs(),
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
            is_input_list=True,
        )

    @classmethod
    def execute(cls, item: list[int], **inputs: list[Any]) -> io.NodeOutput:
        selected = {name: select_item(values, item) for name, values in inputs.items()}
        require_loaded_model(selected["loaded_model"])  # or it would be deferred again, for ever
        return split_image(cls, item[0], **selected)
