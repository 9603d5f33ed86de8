"""A ComfyUI graph in API format, as plain data: class names, inputs and links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Link = list[Any]
"""[node id, number of the output], as ComfyUI writes a link; the id is text."""


class GraphNodes:
    """Nodes under names that say what each does.

    Args:
        prefix: put before every name, so that the ids are not those of another graph.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.nodes: dict[str, dict[str, Any]] = {}

    def add(self, name: str, class_type: str, inputs: Mapping[str, object]) -> Link:
        """Add a node; returns the link to its first output."""
        identity = self._prefix + name
        if identity in self.nodes:
            raise ValueError(f"the graph has two nodes {identity!r}")
        self.nodes[identity] = {"class_type": class_type, "inputs": dict(inputs)}
        return [identity, 0]


def output(link: Link, number: int) -> Link:
    """Another output of the node that a link is from."""
    return [link[0], number]
