"""ComfyUI's executor in this process, with nodes that neither read nor write files."""

from __future__ import annotations

import asyncio
import copy
import zlib
from typing import Any, ClassVar

Graph = dict[str, Any]
SIDE = 1024  # of every picture, in pixels


class Loader:
    """Gives what this program loaded. Multi-Edit does not know the node, so it plans once it has run."""

    loaded: ClassVar[Any] = None
    CATEGORY, FUNCTION = "bench", "give"
    RETURN_TYPES = ("MULTIEDIT_MODEL", "MODEL", "CLIP", "VAE")

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"name": ("STRING", {})}}

    def give(self, name: str) -> tuple[Any, ...]:
        return self.loaded, self.loaded.model, self.loaded.clip, self.loaded.vae


class Picture:
    """A picture of its own for every name."""

    CATEGORY, FUNCTION, RETURN_TYPES = "bench", "draw", ("IMAGE",)

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"image": ("STRING", {})}}

    def draw(self, image: str) -> tuple[Any]:
        import torch

        generator = torch.Generator().manual_seed(zlib.crc32(image.encode()))
        coarse = torch.rand((1, 3, 16, 16), generator=generator)
        fine = torch.nn.functional.interpolate(coarse, (SIDE, SIDE), mode="bilinear")
        return (fine.movedim(1, -1).contiguous(),)


class Result:
    """Keeps the size of the last result, and refuses one that overflowed."""

    shape: ClassVar[tuple[int, ...]] = ()
    CATEGORY, FUNCTION, RETURN_TYPES, OUTPUT_NODE = "bench", "keep", (), True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802
        return {"required": {"images": ("IMAGE", {}), "filename_prefix": ("STRING", {})}}

    def keep(self, images: Any, filename_prefix: str) -> dict[str, Any]:
        if not images.isfinite().all():
            raise ValueError("the result is not finite")
        Result.shape = tuple(images.shape)
        return {}


NODES = {"BenchLoader": Loader, "BenchPicture": Picture, "BenchResult": Result}
_INSTEAD = {"LoadImage": "BenchPicture", "SaveImage": "BenchResult"}
_LOADERS = {"MultiEditLoadModel": 0, "UNETLoader": 1, "CLIPLoader": 2, "VAELoader": 3}  # which output each is


def without_files(graph: Graph, name: str) -> Graph:
    """A graph of either side with the nodes of this module in place of those that touch files.

    Args:
        name: tells what is loaded from what was loaded before.
    """
    loaders = {
        key: _LOADERS[node["class_type"]] for key, node in graph.items() if node["class_type"] in _LOADERS
    }

    def linked(value: Any) -> Any:
        return ["loader", loaders[value[0]]] if isinstance(value, list) and value[0] in loaders else value

    made = {"loader": {"class_type": "BenchLoader", "inputs": {"name": name}}}
    for key, node in graph.items():
        if key not in loaders:
            inputs = {socket: linked(value) for socket, value in node["inputs"].items()}
            made[key] = {"class_type": _INSTEAD.get(node["class_type"], node["class_type"]), "inputs": inputs}
    return made


def register(nodes: Any) -> None:
    """Give ComfyUI its own extra nodes, Multi-Edit's and this module's."""
    from multiedit import comfy_entrypoint
    from server import PromptServer

    PromptServer(asyncio.new_event_loop())  # some nodes send it what they show; nobody listens
    asyncio.run(nodes.init_builtin_extra_nodes())
    for node in asyncio.run(asyncio.run(comfy_entrypoint()).get_node_list()):
        nodes.NODE_CLASS_MAPPINGS[node.GET_SCHEMA().node_id] = node
    nodes.NODE_CLASS_MAPPINGS.update(NODES)


class Executor:
    """Runs graphs as POST /prompt does: validated, cached from run to run, with expansions."""

    def __init__(self) -> None:
        import execution
        from server import PromptServer

        self._execution = execution
        self._executor = execution.PromptExecutor(
            PromptServer.instance,
            cache_type=execution.CacheType.CLASSIC,
            cache_args={"lru": 0, "ram": 0.0, "ram_inactive": 0.0},
        )

    def outputs(self, graph: Graph) -> list[str]:
        """The nodes that a run is for.

        Raises:
            RuntimeError: ComfyUI refuses the graph.
        """
        valid, error, outputs, errors = asyncio.run(self._execution.validate_prompt("bench", graph, None))
        if not valid or errors:
            raise RuntimeError(f"ComfyUI refuses the graph: {error} {errors}")
        return outputs

    def run(self, graph: Graph, outputs: list[str]) -> None:
        """Run a validated graph.

        Raises:
            RuntimeError: a node failed; the message is ComfyUI's.
        """
        self._executor.execute(copy.deepcopy(graph), "bench", {}, outputs)
        if not self._executor.success:
            messages = dict(self._executor.status_messages)
            raise RuntimeError(messages.get("execution_error", {}).get("exception_message", "interrupted"))
