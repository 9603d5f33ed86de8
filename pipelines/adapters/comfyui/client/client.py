"""One ComfyUI: what it is and has, images to it, a graph on it, and files from it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeVar

from ....common.errors import MultiEditError, ServerUnreachable
from ....common.settings import ComfyUILimits
from ....images.sniff import sniff
from .address import Address
from .connection import ComfyUIConnection, form
from .job import SILENT, ComfyUIJob, JobListener
from .progress_events import PromptGraph
from .results import Outputs

SUBFOLDER = "multi-edit"
_ENDINGS = {"jpeg": ".jpg", "heif": ".heic"}  # any other format is its own
_Response = TypeVar("_Response")


@dataclass(frozen=True)
class ServerFacts:
    """Facts that a ComfyUI states about itself.

    Attributes:
        version: of ComfyUI.
        memory_bytes: of its first device: the card's, or the machine's where it computes on the processor.
        jobs: running and waiting.
        nodes: those of the nodes asked for that it has.
        models: the files of each folder asked for, relative to it.
    """

    version: str
    memory_bytes: int
    jobs: int
    nodes: frozenset[str]
    models: Mapping[str, Sequence[str]]


def new_id() -> str:
    """A random UUID in the form that ComfyUI takes for a job."""
    return str(uuid.uuid4())


class ComfyUIClient:
    """Talks to one ComfyUI, between `async with` and its end.

    Args:
        address: the user's own; never one that came with a request.
        ids: makes the ids of jobs and of the client.
    """

    def __init__(self, address: Address, limits: ComfyUILimits, ids: Callable[[], str] = new_id) -> None:
        self.address = address
        self._limits = limits
        self._ids = ids
        self._connection = ComfyUIConnection(address, limits)
        self.parse = self._connection.parse

    async def __aenter__(self) -> ComfyUIClient:
        await self._connection.__aenter__()
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._connection.__aexit__(*reason)

    async def describe(self, nodes: Collection[str] = (), folders: Collection[str] = ()) -> ServerFacts:
        """Ask for its version, load, nodes and model files.

        Args:
            nodes: names of nodes to ask for; all of them would be megabytes.
            folders: names of model folders to list; one that it has not is empty.

        Raises:
            ServerUnreachable: it does not respond, or not soon.
            EditFailed: it is not a ComfyUI.
        """
        [(version, memory, jobs)] = await self._soon([self._system()])
        found = await self._soon(self._has(node) for node in nodes)
        models = await self._soon(self._files(folder) for folder in folders)
        present = frozenset(node for node, has in zip(nodes, found, strict=True) if has)
        return ServerFacts(version, memory, jobs, present, dict(zip(folders, models, strict=True)))

    async def upload(self, data: bytes, name: str) -> str:
        """Send an image file to the input folder, under the hash of its content.

        Args:
            name: what messages call it: "image 2".

        Returns:
            The name to give to a node that loads it: "multi-edit/<hash>.png".

        Raises:
            ServerUnreachable, EditFailed: it was not taken.
            InvalidImage: it is not an image.
        """
        kind = sniff(data, name)
        file = hashlib.sha256(data).hexdigest() + _ENDINGS.get(kind, f".{kind}")
        # Written anew where it is there: its age counts from its last use.
        parts = form(data, file, type="input", subfolder=SUBFOLDER, overwrite="true")
        response = await self._connection.request("POST", "upload", "image", send=parts)
        return self._connection.parse_json(
            lambda value: str(PurePosixPath(value["subfolder"], value["name"])), response.body
        )

    async def run(
        self, graph: PromptGraph, events: JobListener = SILENT, *, keep_history: bool = True
    ) -> Outputs:
        """Queue a graph and wait for its end.

        Args:
            keep_history: leave the job, with its prompt, in ComfyUI's history.

        Cancelled, timed out or ended by what a callback raises, it cancels the job and leaves nothing in
        the queue.

        Raises:
            InvalidRequest: ComfyUI refuses the graph.
            EditInterrupted: somebody else stopped it.
            ServerUnreachable: the server is gone, and did not come back.
            EditFailed: a node failed, the time is over, or the responses are not ComfyUI's. An error of one
                of our own nodes keeps its class.
        """
        job = self._ids()
        try:
            return await ComfyUIJob(self._connection, graph, events, job, self._ids()).run()
        finally:
            if not keep_history:
                await self._forget(job)

    async def _forget(self, job: str) -> None:
        """Take a job out of the history; what the job came to counts, whether or not this works."""
        request = self._connection.request("POST", "history", send={"delete": [job]})
        with contextlib.suppress(MultiEditError, asyncio.TimeoutError):
            await asyncio.wait_for(request, self._limits.comfyui_cancel_seconds)

    async def fetch(self, output: Mapping[str, Any]) -> bytes:
        """The file that a node has written.

        Args:
            output: as `run` returns it: filename, subfolder and type.

        Raises:
            ServerUnreachable, EditFailed: it was not delivered, or is too large.
        """
        query = self._connection.parse(
            lambda: {key: str(output[key]) for key in ("filename", "subfolder", "type")}
        )
        return (await self._connection.request("GET", "view", query=query)).body

    async def _soon(self, requests: Iterable[Coroutine[Any, Any, _Response]]) -> list[_Response]:
        """Run several requests at once, within the time to connect."""
        asked = [asyncio.ensure_future(request) for request in requests]
        seconds = self._limits.comfyui_connect_seconds
        try:
            return await asyncio.wait_for(asyncio.gather(*asked), seconds)
        except asyncio.TimeoutError:
            raise ServerUnreachable(
                f"{self._connection.name} did not describe itself within {seconds:g} s. Try again later."
            ) from None
        finally:
            for request in asked:
                request.cancel()

    async def _system(self) -> tuple[str, int, int]:
        """The version, the memory of the first device in bytes, and the number of jobs."""
        version, memory = await self._connection.get_json(
            lambda value: (str(value["system"]["comfyui_version"]), int(value["devices"][0]["vram_total"])),
            "system_stats",
        )
        jobs = await self._connection.get_json(
            lambda value: len(value["queue_running"]) + len(value["queue_pending"]), "queue"
        )
        return version, memory, jobs

    async def _has(self, node: str) -> bool:
        return await self._connection.get_json(lambda value: node in value, "object_info", node)

    async def _files(self, folder: str) -> list[str]:
        response = await self._connection.request("GET", "models", folder, allowed=(200, 404))
        if response.status == 404:
            return []
        return self._connection.parse_json(lambda value: [str(name) for name in value], response.body)
