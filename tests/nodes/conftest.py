"""ComfyUI's own executor in this process, with our nodes, a source for any value and a sink for outputs."""

from __future__ import annotations

import asyncio
import copy
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch


class NodeFailed(Exception):
    """A node raised, or the graph was refused; the message is ComfyUI's.

    Args:
        kind: the full name of the exception's class, "" where there was none.
    """

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class AnyType(str):
    """Equal to every type, which is how V1 nodes take anything."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class Source:
    """Gives what a test put into `values` under a key."""

    values: dict[str, Any] = {}  # noqa: RUF012
    CATEGORY, FUNCTION, RETURN_TYPES = "test", "give", (AnyType("*"),)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"key": ("STRING", {})}}

    def give(self, key: str) -> tuple[Any]:
        return (self.values[key],)


class Sink:
    """Keeps every output of one node: a list for each, with one value or as many as the output lists."""

    kept: dict[str, list[Any]] = {}  # noqa: RUF012
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE, INPUT_IS_LIST = "test", "keep", (), True, True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {}, "optional": {f"value_{n}": (AnyType("*"), {}) for n in range(10)}}

    def keep(self, **values: list[Any]) -> dict[str, Any]:
        self.kept.update(values)
        return {}


class Graph:
    """Queues graphs as POST /prompt does: validated, cached from run to run, executed in inference mode.

    Attributes:
        Failed: what `run` and `queue` raise.
        ui: what the nodes of the last run showed, by node id.
        cached: ids of the nodes that the last run took from the cache.
    """

    Failed = NodeFailed

    def __init__(self, execution: Any) -> None:
        self._execution = execution
        self._server = SimpleNamespace(client_id=None, last_node_id=None, sent=[])
        self._server.send_sync = lambda event, data, sid=None: self._server.sent.append((event, data))
        self._executor = execution.PromptExecutor(
            self._server,
            cache_type=execution.CacheType.CLASSIC,
            cache_args={"lru": 0, "ram": 0.0, "ram_inactive": 0.0},
        )
        self._keys = itertools.count()
        self.ui: dict[str, Any] = {}
        self.cached: list[str] = []

    def run(self, class_type: str, **inputs: Any) -> list[Any]:
        """The outputs of one node; dotted inputs by {"model.resolution": ...} through `**`."""
        return [values[0] if len(values) == 1 else values for values in self.lists(class_type, **inputs)]

    def lists(self, class_type: str, **inputs: Any) -> list[list[Any]]:
        """As `run`, each output as the list that ComfyUI hands on."""
        prompt = self.prompt(class_type, **inputs)
        return self.queue(prompt)

    def prompt(self, class_type: str, **inputs: Any) -> dict[str, Any]:
        """A graph of one node, its tensors and documents from sources, its outputs to the sink."""
        import nodes

        prompt: dict[str, Any] = {}
        plain: dict[str, Any] = {}
        for name, value in inputs.items():
            if isinstance(value, (str, int, float)):
                plain[name] = value
            else:
                key = f"value {next(self._keys)}"
                Source.values[key] = value
                prompt[f"source {name}"] = {"class_type": "TestSource", "inputs": {"key": key}}
                plain[name] = [f"source {name}", 0]
        prompt["node"] = {"class_type": class_type, "inputs": plain}
        count = len(nodes.NODE_CLASS_MAPPINGS[class_type].RETURN_TYPES)
        kept = {f"value_{n}": ["node", n] for n in range(count)}
        prompt["sink"] = {"class_type": "TestSink", "inputs": kept}
        return prompt

    def queue_alone(self, class_type: str, **inputs: Any) -> None:
        """Run a node that has no outputs."""
        prompt = self.prompt(class_type, **inputs)
        del prompt["sink"]
        self.queue(prompt)

    def queue(self, prompt: dict[str, Any], workflow: dict[str, Any] | None = None) -> list[list[Any]]:
        """What the sink got of the node.

        Raises:
            NodeFailed: with ComfyUI's message.
        """
        prompt = copy.deepcopy(prompt)  # ComfyUI notes fingerprints in it
        valid, error, outputs, node_errors = asyncio.run(
            self._execution.validate_prompt("test", prompt, None)
        )
        if not valid or node_errors:
            raise NodeFailed(f"{error} {node_errors}")
        Sink.kept.clear()
        extra = {"extra_pnginfo": {"workflow": workflow}} if workflow else {}
        self._executor.execute(prompt, "test", extra, outputs)
        messages = dict(self._executor.status_messages)
        if not self._executor.success:
            if "execution_interrupted" in messages:
                raise NodeFailed(f"interrupted in {messages['execution_interrupted']['node_id']}")
            error = messages["execution_error"]
            raise NodeFailed(error["exception_message"], error["exception_type"])
        self.ui = self._executor.history_result["outputs"]
        self.cached = messages["execution_cached"]["nodes"]
        return [Sink.kept[name] for name in sorted(Sink.kept)]


@pytest.fixture(scope="session")
def comfyui() -> Any:
    """ComfyUI's `nodes` module with ours registered as ComfyUI does it."""
    pytest.importorskip("comfy_api.latest")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ComfyUI's own imports
        import comfy_extras.nodes_compositor as compositor

        import nodes
    from multiedit import comfy_entrypoint

    torch.set_num_threads(1)  # small pictures: splitting the work costs more than it gains
    ours = asyncio.run(asyncio.run(comfy_entrypoint()).get_node_list())
    core = asyncio.run(asyncio.run(compositor.comfy_entrypoint()).get_node_list())
    for node in (*ours, *core):
        nodes.NODE_CLASS_MAPPINGS[node.GET_SCHEMA().node_id] = node
    nodes.NODE_CLASS_MAPPINGS |= {"TestSource": Source, "TestSink": Sink}
    return nodes


@pytest.fixture
def folders(comfyui: Any, tmp_path: Path) -> Iterator[Path]:
    """Input, output and temp folders of this test's own."""
    import folder_paths

    names = ("input", "output", "temp")
    before = {name: getattr(folder_paths, f"get_{name}_directory")() for name in names}
    for name in names:
        (tmp_path / name).mkdir()
        getattr(folder_paths, f"set_{name}_directory")(str(tmp_path / name))
    yield tmp_path
    for name, folder in before.items():
        getattr(folder_paths, f"set_{name}_directory")(folder)


@pytest.fixture
def graph(comfyui: Any, folders: Path) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import execution

    return Graph(execution)
