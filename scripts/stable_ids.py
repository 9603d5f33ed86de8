"""Ids in a graph that stay the same from run to run."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def with_stable_ids(graph: dict[str, Any], name: str) -> dict[str, Any]:
    """The graph with each random UUID replaced by one made of the graph's name and the UUID's rank in it."""
    text = json.dumps(graph)
    for number, found in enumerate(dict.fromkeys(_UUID.findall(text))):
        text = text.replace(
            found, str(uuid.uuid5(uuid.NAMESPACE_URL, f"multi-edit/workflows/{name}/{number}"))
        )
    return json.loads(text)
