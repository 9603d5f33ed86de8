"""A stand-in for the hosted endpoint on 127.0.0.1: takes an edit as the schema says, answers as told."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from aiohttp import web
from PIL import Image

KEY = "secret-key-of-the-test-0123456789"
PREFIX = "/api/v1"
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


Colour = tuple[int, int, int]


def png(size: tuple[int, int] = (1024, 1024), colour: Colour = (20, 60, 200), kind: str = "png") -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind)
    return buffer.getvalue()


def replying(body: Any = None, status: int = 200, **headers: str) -> Reply:
    """Answers with a picture, bytes or JSON; names of headers with _ for -."""
    raw = png() if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def reply(request: web.Request) -> web.StreamResponse:
        kind = "application/json" if isinstance(body, dict) else "image/png"
        return web.Response(body=raw, status=status, headers={"Content-Type": kind, **named})

    return reply


@dataclass(frozen=True)
class Asked:
    """One request: what was asked for, with the pictures' bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    fields: dict[str, Any]
    images: list[bytes] = field(repr=False)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [Image.open(BytesIO(image)).size for image in self.images]


class HostedPeer:
    """From `with` to its end; the replies are used up in turn, the last one stays.

    Attributes:
        asked: every request, in order.
        left: set when a client has gone before its answer.
    """

    def __init__(self, *replies: Reply, tls: ssl.SSLContext | None = None) -> None:
        self.replies = list(replies) or [replying()]
        self.asked: list[Asked] = []
        self.left = threading.Event()
        self.port = 0
        self._tls = tls
        self._ready = threading.Event()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}{PREFIX}"

    @property
    def environment(self) -> dict[str, str]:
        return {"MULTIEDIT_PROVIDER_URL": self.url, "MULTIEDIT_PROVIDER_KEY": KEY}

    def __enter__(self) -> HostedPeer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20), "the peer did not start"
        return self

    def __exit__(self, *reason: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=10**9)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await _asked(request))
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        try:
            return await reply(request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise


async def _asked(request: web.Request) -> Asked:
    fields: dict[str, Any] = {}
    images: list[bytes] = []
    if request.content_type == "application/json":
        fields = await request.json()
        images = [base64.b64decode(image) for image in fields["images"]]
    elif request.content_type == "multipart/form-data":
        posted = await request.post()
        parts = [part for part in posted.getall("images") if isinstance(part, web.FileField)]
        images = [part.file.read() for part in parts]
        for part in parts:
            part.file.close()
        fields = {name: value for name, value in posted.items() if isinstance(value, str)}
    return Asked(request.method, request.path_qs, dict(request.headers), fields, images)
