"""Run one graph on a ComfyUI, from its queue to its end; given up, it leaves nothing in the queue."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

from ....common.errors import EditFailed, MultiEditError, ServerUnreachable
from .connection import ComfyUIConnection, ComfyUIResponse
from .progress_events import JobEvent, NodeProgress, Preview, ProgressEvents, PromptGraph, read_preview
from .results import Outputs, outputs_of, require_accepted

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


@dataclass(frozen=True)
class JobListener:
    """Callbacks while a job runs; what they raise ends it.

    Attributes:
        preview: None where nobody looks: ComfyUI then makes none.
    """

    step: Callable[[NodeProgress], None] = lambda step: None
    preview: Callable[[Preview], None] | None = None


SILENT = JobListener()


class ComfyUIJob:
    """A graph to run.

    Args:
        id: of the job, a UUID.
        client_id: under which ComfyUI sends the events.
    """

    def __init__(
        self, connection: ComfyUIConnection, graph: PromptGraph, events: JobListener, id: str, client_id: str
    ) -> None:
        self._connection = connection
        self._limits = connection.limits
        self._graph = graph
        self._events = events
        self._id = id
        self._client_id = client_id
        self._steps = ProgressEvents(graph, id)
        self._reconnections = self._limits.comfyui_attempts
        self._socket: aiohttp.ClientWebSocketResponse[bool] | None = None

    async def run(self) -> Outputs:
        """Queue it and wait for its end. Errors: see `ComfyUIClient.run`."""
        self._deadline = asyncio.get_running_loop().time() + self._limits.comfyui_seconds
        self._socket = await self._listen()  # before the job is queued, so that no event is missed
        body = {
            "prompt": self._graph,
            "prompt_id": self._id,
            "client_id": self._client_id,
            "extra_data": {"preview_method": "none" if self._events.preview is None else "auto"},
        }
        post = self._connection.request("POST", "prompt", allowed=(200, 400), send=body)
        posting = asyncio.ensure_future(post)
        try:
            # Shielded: a request that is on its way may reach the queue, and has to be taken out of it.
            require_accepted(await asyncio.shield(posting), self._connection)
            entry = await self._wait()
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._give_up(posting)))
            raise
        finally:
            if self._socket is not None:
                await self._socket.close()
        return outputs_of(entry, self._connection)

    async def _wait(self) -> object:
        """Return what the history says of the job when it has ended; None where ComfyUI does not know it."""
        loop = asyncio.get_running_loop()
        failures = 0
        while loop.time() < self._deadline:
            try:
                # The queue before the history: a job that ends in between is found in the latter.
                if await self._wait_for_end() or not await self._is_queued():
                    return await self._connection.get_json(
                        lambda found: found.get(self._id), "history", self._id
                    )
                failures = 0
            except ServerUnreachable:
                failures += 1
                if failures == self._limits.comfyui_attempts:
                    raise
                await asyncio.sleep(self._limits.comfyui_poll_seconds)
        raise EditFailed(
            f"{self._connection.name} was not done after {self._limits.comfyui_seconds:g} s, which is the "
            "limit; the job was cancelled. Try another server, or raise MULTIEDIT_COMFYUI_SECONDS."
        )

    async def _is_queued(self) -> bool:
        """Return whether it is waiting or running."""

        def listed(queue: Any) -> bool:
            return any(item[1] == self._id for item in (*queue["queue_running"], *queue["queue_pending"]))

        return await self._connection.get_json(listed, "queue")

    async def _listen(self) -> aiohttp.ClientWebSocketResponse[bool] | None:
        """The websocket; None where there is none: the job then has no progress, but an end."""
        try:
            return await self._connection.listen(self._client_id)
        except ServerUnreachable:
            return None

    async def _wait_for_end(self) -> bool:
        """Listen until the job ends, or until there is a reason to look at the queue: silence, or a cut."""
        if self._socket is None and self._reconnections:
            self._reconnections -= 1
            self._socket = await self._listen()
            return False
        if self._socket is None:
            await asyncio.sleep(self._limits.comfyui_poll_seconds)
            return False
        loop = asyncio.get_running_loop()
        news = loop.time()
        while (left := min(news + self._limits.comfyui_poll_seconds, self._deadline) - loop.time()) > 0:
            try:
                message = await self._socket.receive(left)
            except asyncio.TimeoutError:
                return False
            if message.type not in _DATA:
                await self._socket.close()
                self._socket = None
                return False
            event = self._on_event(message.data)
            if event.end:
                return True
            if event.own:
                news = loop.time()
        return False

    def _on_event(self, message: bytes | str) -> JobEvent:
        """Parse a message and call the listener."""
        if isinstance(message, bytes):
            preview = self._connection.parse(lambda: read_preview(message, self._id))
            if preview is not None and self._events.preview is not None:
                self._events.preview(preview)
            return JobEvent(preview is not None)
        event = self._connection.parse_json(self._steps.parse_event, message)
        if event.step is not None:
            self._events.step(event.step)
        return event

    async def _give_up(self, posting: asyncio.Future[ComfyUIResponse]) -> None:
        """Leave nothing in the queue; the error raised is the reason for it, whether or not this works."""
        with contextlib.suppress(MultiEditError, asyncio.TimeoutError):
            await asyncio.wait_for(self._cancel(posting), self._limits.comfyui_cancel_seconds)

    async def _cancel(self, posting: asyncio.Future[ComfyUIResponse]) -> None:
        await asyncio.gather(posting, return_exceptions=True)
        cancel = ("api", "jobs", self._id, "cancel")
        response = await self._connection.request("POST", *cancel, allowed=(200, 404, 405))
        if response.status != 200:  # before ComfyUI 0.26
            await self._connection.request("POST", "queue", send={"delete": [self._id]})
            await self._connection.request("POST", "interrupt", send={"prompt_id": self._id})
