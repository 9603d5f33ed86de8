"""A prompt to conditioning."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..loaded_model import LOADED_MODEL, REFERENCE
from ..socket_values import values_by_number
from .sockets import inner_schema

_MOST_REFERENCES = 16


class MultiEditPrompt(io.ComfyNode):
    """A text with references, encoded."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        references = io.Autogrow.TemplateNames(
            REFERENCE.Input("reference"),
            names=[f"reference_{number}" for number in range(1, _MOST_REFERENCES + 1)],
            min=1,
        )
        return inner_schema(
            "MultiEditPrompt",
            "Encode Prompt",
            "Encodes a text with references, once for each content.",
            [
                LOADED_MODEL.Input("loaded_model"),
                io.String.Input("prompt", multiline=True),
                io.Autogrow.Input("references", template=references),
            ],
            [io.Conditioning.Output("conditioning")],
        )

    @classmethod
    def execute(cls, loaded_model: Any, prompt: str, references: dict[str, Any]) -> io.NodeOutput:
        from .encoding import encode_prompt

        in_order = list(values_by_number("reference_", references).values())
        return io.NodeOutput(encode_prompt(loaded_model, prompt, in_order))
