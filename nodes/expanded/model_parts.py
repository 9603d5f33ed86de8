"""A loaded model taken apart."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..loaded_model import LOADED_MODEL, require_loaded_model
from .sockets import ITEM, inner_schema, select_item


class MultiEditModelParts(io.ComfyNode):
    """A loaded model to ComfyUI's own types."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditModelParts",
            "Model Parts",
            "Takes a loaded model apart.",
            [LOADED_MODEL.Input("loaded_model", tooltip="A loaded model."), ITEM],
            [
                LOADED_MODEL.Output("loaded_model"),
                io.Model.Output("model"),
                io.Clip.Output("clip"),
                io.Vae.Output("vae"),
            ],
            is_input_list=True,
        )

    @classmethod
    def execute(cls, loaded_model: list[Any], item: list[int]) -> io.NodeOutput:
        loaded = select_item(loaded_model, item)
        require_loaded_model(loaded)
        return io.NodeOutput(loaded, loaded.model, loaded.clip, loaded.vae)
