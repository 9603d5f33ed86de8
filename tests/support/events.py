"""What ComfyUI tells a page of one prompt over its websocket."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

PREVIEW = (1).to_bytes(4, "big")
PREVIEW_HEADER = 8  # bytes: the kind of event, the format of the picture


@dataclass
class Events:
    """The events of one prompt, in order.

    Attributes:
        executed: ids of the nodes that ran, those of expansions too, each once.
        cached: ids of the nodes that did not have to; expanded nodes that did not are in neither.
        progress: (node, value, most).
        previews: encoded pictures.
        ended: the event that ended it: execution_success, execution_error or execution_interrupted.
    """

    executed: list[str] = field(default_factory=list)
    cached: set[str] = field(default_factory=set)
    progress: list[tuple[str, int, int]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)
    ended: str = ""

    def take(self, event: str, data: dict[str, Any]) -> None:
        if event == "executing" and data["node"] not in (None, *self.executed):
            self.executed.append(data["node"])
        elif event == "execution_cached":
            self.cached.update(data["nodes"])
        elif event == "progress":
            self.progress.append((data["node"], data["value"], data["max"]))
        elif event in ("execution_success", "execution_error", "execution_interrupted"):
            self.ended = event


def collect(
    url: str, queue: Callable[[str], str], on_event: Callable[[str, Any], None], seconds: float
) -> Events:
    """Queue as a client whose id `queue` gets, and listen to the end of the prompt whose id it returns.

    Raises:
        TimeoutError: nothing came for so many seconds.
    """
    return asyncio.run(_collect(url, queue, on_event, seconds))


async def _collect(
    url: str, queue: Callable[[str], str], on_event: Callable[[str, Any], None], seconds: float
) -> Events:
    events, client = Events(), uuid.uuid4().hex
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/ws?clientId={client}", max_msg_size=0) as socket,
    ):
        prompt = queue(client)
        while True:
            message = await asyncio.wait_for(socket.receive(), seconds)
            if message.type is aiohttp.WSMsgType.BINARY:
                if message.data.startswith(PREVIEW):
                    events.previews.append(message.data[PREVIEW_HEADER:])
                    on_event("preview", events.previews[-1])
                continue
            event, data = (json.loads(message.data)[key] for key in ("type", "data"))
            if data.get("prompt_id") != prompt:
                continue
            events.take(event, data)
            if event == "executing" and data["node"] is None:
                return events
            on_event(event, data)
