"""The HTTP API on a free port of 127.0.0.1, in a thread with its own event loop."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from typing import Any

import httpx
from aiohttp import web
from multiedit.api.backends.base import Backend, EditJobRequest, EditProgress, OnProgress
from multiedit.api.backends.local import LocalBackend
from multiedit.api.service import Service
from multiedit.api.standalone_server import make_runner
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits, RequestLimits, ServerLimits
from multiedit.pipelines.editing.output import EncodedImage
from multiedit.pipelines.editing.pipeline import EditResult
from multiedit.pipelines.planning.plan import EditPlan
from multiedit.pipelines.safety.report import off_report
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.pipelines.sources.fetch import ImageFetcher
from multiedit.pipelines.sources.source import SourceLoader
from PIL import Image

KEY, OTHER_KEY = "test-key-of-the-api", "another-test-key"
SIZE = (300, 240)
# Quick: the image's own size, and no classifier.
QUICK = {"prompt": "put them together", "safe_mode": False, "multiedit": {"keep_size": True}}
PLAN = EditPlan(
    "layer-composite", "Layer Composite", "composite", "put them together", *SIZE, *SIZE, "5:4", None, True,
    ("base",), {}, None, "png", None, 0, False, None, (),
)  # fmt: skip
PLENTY = {"requests_per_minute": 100_000, "failures": 100_000}


def png(colour: tuple[int, ...] = (200, 30, 20), size: tuple[int, int] = SIZE, mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, colour if mode != "L" else colour[0]).save(buffer, "png")
    return buffer.getvalue()


def base64_png(**settings: Any) -> str:
    return base64.b64encode(png(**settings)).decode()


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for another thread or process to make the condition true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.01)


async def only_this_machine(host: str, port: int) -> list[str]:
    """Resolve every name without DNS."""
    return ["127.0.0.1"]


def loader(limits: Limits) -> SourceLoader:
    async def fetch(url: str, name: str) -> bytes:
        return await ImageFetcher(limits, resolve=only_this_machine).fetch(url, name)

    return SourceLoader(limits, fetch)


def embedded(limits: Limits, server_limits: ServerLimits) -> Backend:
    safety, at_once = SafetySettings.from_environment({}), server_limits.edits_at_once
    return LocalBackend(limits, load_catalog(), loader(limits), safety, at_once, local_adapters(limits))


class HeldBackend:
    """Edits that wait for `go`, then raise `error` or succeed; it records their start and cancellation."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.error: Exception | None = None
        self.started = threading.Event()
        self.cancelled = threading.Event()

    async def models(self) -> list[str]:
        return ["layer-composite"]

    async def check(self) -> str | None:
        return None

    async def check_edit(self, job: EditJobRequest) -> None:
        pass

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        try:
            on_progress(EditProgress("load", 0.0))
            on_progress(EditProgress("edit", 0.5, preview=b"jpeg"))
            self.started.set()
            while not self.go.is_set():
                await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.error:
            raise self.error
        return EditResult(PLAN, EncodedImage(png(), "image/png", off_report(), ()), {})


class ApiServer:
    """A server from `with` to its end.

    Args:
        environment: of the server: keys and logging; two test keys by default.
        server_limits, limits: changes to the defaults; rate limits are high.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        make_backend: Callable[[Limits, ServerLimits], Backend] = embedded,
        server_limits: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        # Not the key file of the user who runs the tests.
        self._environment = {"MULTIEDIT_KEYS_FILE": "/nonexistent/keys.json"} | dict(
            {"MULTIEDIT_API_KEYS": f"{KEY},{OTHER_KEY}"} if environment is None else environment
        )
        self._server_limits = replace(ServerLimits(), **{**PLENTY, **(server_limits or {})})
        self._limits = replace(RequestLimits(), **(limits or {}))
        self._make_backend = make_backend
        self._ready = threading.Event()
        self.service: Service
        self.port = 0

    def __enter__(self) -> ApiServer:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20), "the server did not start"
        return self

    def __exit__(self, *reason: object) -> None:
        self.end()

    def end(self) -> None:
        """Shut it down as SIGTERM would; further calls do nothing."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not end"

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        backend = self._make_backend(self._limits, self._server_limits)
        self.service = Service(
            self._limits,
            load_catalog(),
            loader(self._limits),
            backend,
            self._server_limits,
            self._environment,
        )
        runner = make_runner(self.service)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        self.port = runner.addresses[0][1]
        self._ready.set()
        await self._end.wait()
        await runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, key: str | None = KEY, path: str = "/api/v1") -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx.Client(base_url=self.url + path, headers=headers, timeout=30, trust_env=False)
