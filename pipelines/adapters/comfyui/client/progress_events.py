"""Parse ComfyUI's events: how far a graph is, and the previews among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ....common.json_reader import read_json

PromptGraph = Mapping[str, Mapping[str, Any]]
"""A graph in ComfyUI's API format: nodes by id, each with class_type, inputs and perhaps _meta."""

# Editing takes most of the time, so its nodes are most of the progress; any other counts 1.
_EFFORT = {"MultiEditEdit": 20.0, "MultiEditLoadModel": 4.0}
_PREVIEW, _PREVIEW_WITH_METADATA = 1, 4
_MEDIA_TYPES = {1: "image/jpeg", 2: "image/png"}


@dataclass(frozen=True)
class NodeProgress:
    """The node that ComfyUI runs, and how far it is.

    Attributes:
        title: of the node on the canvas, also while it runs a graph of its own inside.
        value, maximum: of its own steps; (0, 1) where it has none.
        share: of the whole graph that is done, 0..1; never less than before.
    """

    title: str
    value: float
    maximum: float
    share: float

    def __str__(self) -> str:
        return f"{self.title} {self.value:g}/{self.maximum:g}" if self.maximum > 1 else self.title


class Preview(NamedTuple):
    data: bytes
    media_type: str


class JobEvent(NamedTuple):
    """A parsed event: whether it is about the job, whether it is the job's end, and how far it is."""

    own: bool
    end: bool = False
    step: NodeProgress | None = None


class ProgressEvents:
    """Turns the events of one job into steps."""

    def __init__(self, graph: PromptGraph, job: str) -> None:
        self._job = job
        self._titles = {
            node: entry.get("_meta", {}).get("title", entry["class_type"]) for node, entry in graph.items()
        }
        self._effort = {node: _EFFORT.get(entry["class_type"], 1.0) for node, entry in graph.items()}
        self._done = dict.fromkeys(graph, 0.0)
        self._share = 0.0

    def parse_event(self, event: Mapping[str, Any]) -> JobEvent:
        """Parse a text message of the websocket."""
        kind, data = event["type"], event["data"]
        if data.get("prompt_id") != self._job:
            return JobEvent(own=False)
        if kind == "execution_cached":
            self._done.update((node, 1.0) for node in data["nodes"] if node in self._done)
        step = self._step(data["nodes"]) if kind == "progress_state" else None
        return JobEvent(True, kind == "executing" and data["node"] is None, step)

    def _step(self, nodes: Mapping[str, Mapping[str, Any]]) -> NodeProgress | None:
        running: tuple[float, float, str] | None = None
        for node, state in nodes.items():
            shown = state["display_node_id"]
            if shown not in self._done:
                continue
            value, maximum = float(state["value"]), float(state["max"])
            finished = state["state"] == "finished"
            if node == shown and finished:
                self._done[shown] = 1.0
            elif maximum > 1:
                self._done[shown] = max(self._done[shown], min(1.0, value / maximum))
            if not finished:
                running = max(running or (0.0, 0.0, ""), (maximum, value, shown))
        if running is None:
            return None
        effort = sum(self._effort.values())
        share = sum(self._effort[node] * done for node, done in self._done.items()) / effort
        self._share = max(self._share, share)
        return NodeProgress(self._titles[running[2]], running[1], running[0], self._share)


def read_preview(message: bytes, job: str) -> Preview | None:
    """Read the preview in a binary message; None where it is something else, or of another job.

    The first four bytes are the kind. A plain preview has four more for the format; one with metadata has
    the metadata's length in them, then the metadata as JSON (all numbers big-endian).
    """
    kind, second = (int.from_bytes(message[start : start + 4], "big") for start in (0, 4))
    if kind == _PREVIEW and second in _MEDIA_TYPES:
        return Preview(message[8:], _MEDIA_TYPES[second])
    if kind == _PREVIEW_WITH_METADATA:
        about = read_json(message[8 : 8 + second])
        if about["prompt_id"] == job and about["image_type"] in _MEDIA_TYPES.values():
            return Preview(message[8 + second :], about["image_type"])
    return None
