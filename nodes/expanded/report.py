"""The plan and the summary of an edit, with what was measured when it was made."""

from __future__ import annotations

from comfy_api.latest import io

from ..socket_values import TEXT_SOCKET
from .sockets import inner_schema


class MultiEditReport(io.ComfyNode):
    """Adds what was measured outside the mask to the plan and to the summary."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return inner_schema(
            "MultiEditReport",
            "Report Edit",
            "Adds what was measured outside the mask to the plan and the summary.",
            [
                io.String.Input("plan", multiline=True),
                io.String.Input("summary", multiline=True),
                TEXT_SOCKET.Input("measured", tooltip="What the finished edit says of itself, as JSON."),
                io.Int.Input(
                    "frame", default=0, min=0, max=2**31 - 1, tooltip="Which of a batch; 0 is the only one."
                ),
            ],
            [io.String.Output("plan"), io.String.Output("summary")],
        )

    @classmethod
    def execute(cls, plan: str, summary: str, measured: str, frame: int) -> io.NodeOutput:
        from ...pipelines.adapters.comfyui.measured import with_measured

        return io.NodeOutput(*with_measured(plan, summary, measured, frame or None))
