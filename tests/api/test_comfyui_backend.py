"""Edits on ComfyUI servers: a fake that dies, fails or reveals too much, and which backend runs a model."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.api.backends.base import Backend
from multiedit.api.backends.comfyui import ComfyUIBackend
from multiedit.api.backends.routing import RoutingBackend
from multiedit.cli.main import main
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import ComfyUILimits, Limits, ServerLimits
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.tests.support.api_server import (
    OTHER_KEY,
    QUICK,
    ApiServer,
    HeldBackend,
    base64_png,
    embedded,
    loader,
    png,
)
from multiedit.tests.support.comfyui_peer import Peer, failure, replying, serving, success
from multiedit.tests.support.timing import HELD_UP_SECONDS

EDIT = {**QUICK, "images": [base64_png()], "modelId": "layer-composite"}
COMFYUI = ComfyUILimits(comfyui_connect_seconds=2.0, comfyui_poll_seconds=0.05, comfyui_cancel_seconds=0.5)


class PeerThread:
    """A stand-in for ComfyUI in a thread of its own, that can die."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._ready = threading.Event()

    def __enter__(self) -> PeerThread:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(30)
        return self

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self.peer):
            self._ready.set()
            await self._end.wait()

    def die(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)

    def __exit__(self, *reason: object) -> None:
        self.die()


@contextlib.contextmanager
def queued(*addresses: str, **limits: Any) -> Iterator[ApiServer]:
    def backend(own: Limits, server_limits: ServerLimits) -> Backend:
        read = [read_address(address) for address in addresses]
        safety = SafetySettings.from_environment({})
        return ComfyUIBackend(own, load_catalog(), loader(own), lambda: read, COMFYUI, safety, 1)

    with ApiServer(make_backend=backend, server_limits=limits) as server:
        yield server


async def endless(peer: Peer, job: str) -> None:
    await asyncio.sleep(3600)


async def finish(peer: Peer, job: str) -> None:
    outputs = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}]}
    about = json.dumps({"safe_mode": None, "dropped_metadata": []})
    await peer.end(job, success(save={**outputs, "multiedit": [about]}))


def test_a_comfyui_that_dies_in_mid_job_is_500_in_time_and_the_next_edit_works() -> None:
    begun = threading.Event()

    async def begin(peer: Peer, job: str) -> None:
        begun.set()
        await endless(peer, job)

    healthy = Peer(finish, replies={"/view": replying(png())})
    with (
        PeerThread(Peer(begin)) as dying,
        PeerThread(healthy) as other,
        queued(dying.peer.url, other.peer.url) as server,
        server.client() as client,
    ):
        killer = threading.Thread(target=lambda: (begun.wait(30), dying.die()))
        killer.start()
        started = time.monotonic()
        response = client.post("/image/multi-edit", json=EDIT)
        killer.join()
        assert response.status_code == 500
        assert time.monotonic() - started < HELD_UP_SECONDS
        assert "127.0.0.1" not in response.text
        again = client.post("/image/multi-edit", json=EDIT)
        assert (again.status_code, again.content) == (200, png())
        assert server.service.jobs.in_flight == 0


def test_an_edit_that_takes_too_long_is_cancelled_there() -> None:
    peer = Peer(endless)
    with PeerThread(peer), queued(peer.url, edit_seconds=0.5) as server, server.client() as client:
        assert client.post("/image/multi-edit", json=EDIT).status_code == 504
        assert any(path.endswith("/cancel") for path in peer.asked)
        assert peer.queue == []


def test_a_comfyuis_own_messages_stay_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(peer: Peer, job: str) -> None:
        event = {"node_type": "KSampler", "exception_type": "RuntimeError", "node_id": "1"}
        await peer.end(job, failure(**event, exception_message="/home/me/x.py: tensor([0.1, 0.2])"))

    peer = Peer(fail)
    with PeerThread(peer), queued(peer.url) as server, server.client() as client:
        response = client.post("/image/multi-edit", json=EDIT)
        assert response.status_code == 500
        assert "tensor" not in response.text
        assert "/home" not in response.text
    assert "tensor([0.1, 0.2])" in caplog.text


def test_a_graph_that_is_refused_is_the_servers_fault() -> None:
    error = {"error": {"message": "m", "details": "d"}, "node_errors": {}}
    peer = Peer(replies={"/prompt": replying(error, 400)})
    with PeerThread(peer), queued(peer.url) as server, server.client() as client:
        assert client.post("/image/multi-edit", json=EDIT).status_code == 500


def test_no_comfyui_that_answers_is_503_and_not_ready() -> None:
    with queued("http://127.0.0.1:9") as server, server.client() as client:
        assert client.post("/image/multi-edit", json=EDIT).status_code == 503
        assert client.get("/ready").status_code == 503
        models = client.get("/models?type=inpaint").json()["data"]
        assert all(each["model_spec"]["offline"] for each in models)


class Elsewhere(HeldBackend):
    """A backend that has every model."""

    def __init__(self) -> None:
        super().__init__()
        self.go.set()

    async def models(self) -> list[str]:
        return [model.id for model in load_catalog()]


@pytest.mark.parametrize(
    ("model", "remote"), [("layer-composite", False), ("firered-image-edit", True), (None, True)]
)
def test_embedded_models_run_locally_and_others_on_comfyui(model: str | None, remote: bool) -> None:
    elsewhere = Elsewhere()

    def backend(limits: Limits, server_limits: ServerLimits) -> Backend:
        return RoutingBackend(embedded(limits, server_limits), elsewhere)

    edit = {name: value for name, value in EDIT.items() if name != "modelId"} | (
        {"modelId": model} if model else {}
    )
    with ApiServer(make_backend=backend) as server, server.client(OTHER_KEY) as client:
        assert client.post("/image/multi-edit", json=edit).status_code == 200
    assert elsewhere.started.is_set() is remote


def test_an_address_that_is_none_ends_serve(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MULTIEDIT_KEYS_FILE", str(tmp_path / "keys.json"))
    assert main(["serve", "--port", "0", "--comfyui", "ftp://x"]) == 2
    assert "http" in capsys.readouterr().err
    assert main(["serve", "--port", "65536"]) == 2
    assert "--port is 65536; it must be a whole number from 0 to 65535" in capsys.readouterr().err
    monkeypatch.setenv("MULTIEDIT_AUTH", "off")
    assert main(["serve", "--port", "0", "--host", "0.0.0.0"]) == 2
    assert "MULTIEDIT_AUTH" in capsys.readouterr().err
