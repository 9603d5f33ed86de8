"""A stand-in for ComfyUI on 127.0.0.1 that behaves like it, except where a test says otherwise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Play = Callable[["Peer", str], Awaitable[None]]
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def success(**outputs: Any) -> dict[str, Any]:
    """What /history says of a job that went well."""
    return {"status": {"messages": [["execution_success", {}]]}, "outputs": outputs}


def failure(**event: Any) -> dict[str, Any]:
    return {"status": {"messages": [["execution_error", event]]}, "outputs": {}}


async def _done(peer: Peer, job: str) -> None:
    await peer.end(job, success())


@dataclass
class Peer:
    """What it does, and what it was asked.

    Attributes:
        play: what happens once a job is queued.
        replies: other answers than usual, by path.
        asked: "METHOD path" of every request.
        queue: ids of the jobs that are waiting or running.
        sockets: every websocket that was opened, in order.
    """

    play: Play = _done
    replies: dict[str, Reply] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def send(self, kind: str, **data: Any) -> None:
        await self.sockets[-1].send_json({"type": kind, "data": data})

    async def end(self, job: str, entry: dict[str, Any] | None) -> None:
        """The end of a job as ComfyUI tells it: the history first."""
        self.queue.remove(job)
        if entry is not None:
            self.history[job] = entry
            await self.send("executing", node=None, prompt_id=job)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        self.headers.append(dict(request.headers))
        if request.path in self.replies:
            return await self.replies[request.path](request)
        first, *rest = request.path.strip("/").split("/")
        usual: dict[str, Any] = {
            "queue": {"queue_running": [[0, job] for job in self.queue], "queue_pending": []},
            "history": {job: self.history[job] for job in rest if job in self.history},
            "system_stats": {
                "system": {"comfyui_version": "0.33.0"},
                "devices": [{"vram_total": 24 * 10**9}],
            },
            "object_info": {node: {} for node in rest},
            "models": ["a.safetensors", "sub/b.safetensors"],
            "upload": {"name": "hash.png", "subfolder": "multi-edit", "type": "input"},
        }
        if request.path == "/ws":
            return await self._ws(request)
        if request.path == "/prompt":
            return await self.queue_prompt(request)
        if request.path.endswith("/cancel"):
            self.queue.clear()
            return web.json_response({"cancelled": True})
        if (request.method, request.path) == ("POST", "/history"):
            for job in (await request.json())["delete"]:
                self.history.pop(job, None)
            return web.Response()
        return web.json_response(usual[first])

    async def _ws(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        async for _ in socket:
            pass
        return socket

    async def queue_prompt(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.posted.append(body)
        self.queue.append(body["prompt_id"])
        self._playing = asyncio.ensure_future(self.play(self, body["prompt_id"]))
        return web.json_response({"prompt_id": body["prompt_id"], "number": 0, "node_errors": {}})


@asynccontextmanager
async def serving(peer: Peer, port: int = 0) -> AsyncIterator[Peer]:
    app = web.Application(client_max_size=10**8)
    app.router.add_route("*", "/{path:.*}", peer.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    peer.port = runner.addresses[0][1]
    try:
        yield peer
    finally:
        for socket in peer.sockets:
            await socket.close()
        await runner.cleanup()


def replying(body: Any, status: int = 200) -> Reply:
    """Answers with JSON, or with bytes as they stand."""

    async def reply(request: web.Request) -> web.StreamResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(body=raw, status=status, content_type="application/json")

    return reply
