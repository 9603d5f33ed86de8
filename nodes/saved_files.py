"""What Save Edited Image has written, so that a run with the same inputs writes it again if it is gone.

ComfyUI caches an output node like any other: an unchanged prompt runs nothing and its history has the names
of before, also of files that were deleted meanwhile.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import server
from comfy_execution.graph_utils import is_link
from comfy_execution.utils import get_executing_context

_MOST = 1000  # nodes with their inputs


@dataclass
class _Record:
    """Files of one node and its inputs.

    Attributes:
        times_missing: how often one of them was found missing; it is in the fingerprint.
        prompt_id: of the run that wrote them.
    """

    times_missing: int = 0
    prompt_id: str = ""
    paths: list[Path] = field(default_factory=list)


class SavedFiles:
    """Files by the node that wrote them and all that it was made of; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def add(self, node: str, paths: Iterable[Path]) -> None:
        """Keep what the running prompt has written. A node that runs for each item of a list adds up."""
        record = self._record(node)
        prompt_id = _running_prompt_id()
        if record.prompt_id != prompt_id:
            record.prompt_id, record.paths = prompt_id, []
        record.paths += paths

    def fingerprint(self, node: str) -> int:
        """A number that changes when a file of the node, as it is in the running prompt, has gone."""
        record = self._record(node)
        if not all(path.is_file() for path in record.paths):
            record.times_missing += 1
            record.paths = []
        return record.times_missing

    def _record(self, node: str) -> _Record:
        key = json.dumps([node, _ancestry(node, _running_prompt())], sort_keys=True)
        record = self._records.setdefault(key, _Record())
        self._records.move_to_end(key)
        if len(self._records) > _MOST:
            self._records.popitem(last=False)
        return record


SAVED_FILES = SavedFiles()
"""Of this process: one, as ComfyUI's cache of outputs is one."""


def _running_prompt_id() -> str:
    context = get_executing_context()
    return context.prompt_id if context else ""


def _running_prompt() -> Mapping[str, Any]:
    """The nodes of the running prompt; for the fingerprint ComfyUI does not hand them over."""
    instance = getattr(server.PromptServer, "instance", None)
    running = instance.prompt_queue.get_current_queue_volatile()[0] if instance else []
    return next((item[2] for item in running if item[1] == _running_prompt_id()), {})


def _ancestry(node: str, prompt: Mapping[str, Any]) -> dict[str, Any]:
    """The node and all that it depends on: class and inputs by id."""
    found: dict[str, Any] = {}
    waiting = [node]
    while waiting:
        name = waiting.pop()
        if name in found or name not in prompt:
            continue
        found[name] = [prompt[name]["class_type"], prompt[name]["inputs"]]
        waiting += [value[0] for value in prompt[name]["inputs"].values() if is_link(value)]
    return found
