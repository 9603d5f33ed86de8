"""Multi-Edit, planned only once its model is loaded."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..edit import HIDDEN, edit_inputs, edit_outputs, run_edit
from ..loaded_model import LOADED_MODEL, require_loaded_model
from ..loaded_model_edit import DEFERRED, upsampler_socket
from .sockets import ITEM, inner_schema, select_item


class MultiEditDeferred(io.ComfyNode):
    """The edit of a Multi-Edit where the graph does not show which model will be loaded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            DEFERRED,
            "Multi-Edit (deferred)",
            "Edits by a loaded model that comes from another node than Load Multi-Edit Model.",
            [*edit_inputs(), LOADED_MODEL.Input("loaded_model"), upsampler_socket(), ITEM],
            edit_outputs(),
            hidden=HIDDEN,
            enable_expand=True,
            is_input_list=True,
        )

    @classmethod
    async def execute(cls, item: list[int], **inputs: Any) -> io.NodeOutput:
        selected = _select(inputs, item)
        require_loaded_model(selected["loaded_model"])  # or it would be deferred again, for ever
        return await run_edit(cls, item[0], **selected)


def _select(value: Any, item: list[int]) -> Any:
    """Select from inputs that are lists; dynamic ones hold others, or None where none is sent."""
    if isinstance(value, dict):
        return {name: _select(part, item) for name, part in value.items()}
    return None if value is None else select_item(value, item)
