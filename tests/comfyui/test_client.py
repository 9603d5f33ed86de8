"""The client against a real ComfyUI: what it says of itself, uploads, runs, previews, cancellation."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.adapters.comfyui.client.client import ComfyUIClient
from multiedit.pipelines.adapters.comfyui.client.connection import ComfyUIConnection
from multiedit.pipelines.adapters.comfyui.client.job import JobListener
from multiedit.pipelines.adapters.comfyui.client.progress_events import NodeProgress
from multiedit.pipelines.common.errors import EditFailed, EditInterrupted, InvalidRequest
from multiedit.pipelines.common.settings import ComfyUILimits
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.pictures import SAMPLES
from multiedit.tests.support.timing import HELD_UP_SECONDS
from PIL import Image

_Answer = TypeVar("_Answer")
LIMITS = ComfyUILimits(comfyui_poll_seconds=0.5)
SECONDS = 30


def asking(server: Server, ask: Callable[[ComfyUIClient], Awaitable[_Answer]]) -> _Answer:
    async def run() -> _Answer:
        async with ComfyUIClient(read_address(server.url), LIMITS) as client:
            return await ask(client)

    return asyncio.run(run())


def empty(side: int, frames: int, color: int = 0) -> dict[str, Any]:
    inputs = {"width": side, "height": side, "batch_size": frames, "color": color}
    return {"class_type": "EmptyImage", "inputs": inputs}


def saving(node: str) -> dict[str, Any]:
    return {"class_type": "SaveImage", "inputs": {"images": [node, 0], "filename_prefix": "client"}}


def slow(frames: int = 200) -> dict[str, Any]:
    """A job of many seconds that heeds an interruption after each frame."""
    edit = {
        "model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto",
        "prompt": str(time.time_ns()), "image_1": ["1", 0], "image_2": ["2", 0], "seed": 0,
        "keep_size": True, "seamless": True,
    }  # fmt: skip
    return {
        "1": empty(256, frames),
        "2": empty(256, 1, 0xFF0000),
        "3": {"class_type": "MultiEditEdit", "inputs": edit},
        "4": saving("3"),
    }


def waiting(server: Server) -> int:
    queue = server.json("/queue")
    return len(queue["queue_running"]) + len(queue["queue_pending"])


def test_a_server_says_what_it_is_and_has(server: Server) -> None:
    (server.base / "models" / "loras" / "style").mkdir(parents=True, exist_ok=True)
    (server.base / "models" / "loras" / "style" / "a.safetensors").write_bytes(b"")
    facts = asking(
        server,
        lambda client: client.describe(["MultiEditEdit", "KSampler", "Nobody/s"], ["loras", "nowhere"]),
    )
    assert facts.version.count(".") == 2
    assert facts.memory_bytes > 10**8
    assert facts.jobs == 0
    assert facts.nodes == {"MultiEditEdit", "KSampler"}
    assert facts.models["nowhere"] == []
    assert [name.replace("\\", "/") for name in facts.models["loras"]] == ["style/a.safetensors"]


def test_a_picture_is_uploaded_once_run_and_fetched(server: Server) -> None:
    data = (SAMPLES / "coffee.jpg").read_bytes()
    steps: list[NodeProgress] = []

    async def run(client: ComfyUIClient) -> tuple[set[str], bytes]:
        names = {await client.upload(data, "image 1") for _ in range(2)}
        graph = {"1": {"class_type": "LoadImage", "inputs": {"image": next(iter(names))}}, "2": saving("1")}
        outputs = await client.run(graph, JobListener(steps.append))
        return names, await client.fetch(outputs["2"]["images"][0])

    [name], file = asking(server, run)
    assert name.startswith("multi-edit/")
    assert (server.base / "input" / name).read_bytes() == data
    with Image.open(io.BytesIO(file)) as image:
        assert image.size == (600, 400)
    shares = [step.share for step in steps]
    assert shares == sorted(shares)
    assert {step.title for step in steps} == {"LoadImage", "SaveImage"}


def test_the_steps_of_a_node_arrive(server: Server) -> None:
    steps: list[NodeProgress] = []
    asking(server, lambda client: client.run(slow(frames=3), JobListener(steps.append)))
    edit = [step for step in steps if step.title == "MultiEditEdit"]
    assert any(0 < step.value < step.maximum == 200 for step in edit)


@pytest.mark.parametrize(
    ("change", "kind", "told"),
    [
        ({"2": {"class_type": "NoSuchNode", "inputs": {}}}, InvalidRequest, "NoSuchNode"),
        ({"1": empty(99999, 1)}, InvalidRequest, "EmptyImage: Value 99999 bigger than max"),
        (
            {"2": {"class_type": "MultiEditSave", "inputs": {
                "images": ["1", 0], "filename_prefix": "../../x", "format": "png"}}},
            EditFailed,
            "MultiEditSave failed.",
        ),
    ],
)  # fmt: skip
def test_what_comfyui_refuses_or_fails_at_is_told(
    server: Server, change: dict[str, Any], kind: type[Exception], told: str
) -> None:
    graph = {"1": empty(64, 1), "2": saving("1"), **change}
    with pytest.raises(kind) as caught:
        asking(server, lambda client: client.run(graph))
    assert told in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("ahead", [0, 1], ids=["running", "waiting"])
def test_a_cancelled_job_leaves_nothing_in_the_queue(server: Server, ahead: int) -> None:
    async def run(client: ComfyUIClient) -> float:
        others = [asyncio.ensure_future(client.run(slow())) for _ in range(ahead)]
        while waiting(server) < ahead:
            await asyncio.sleep(0.05)
        heard = asyncio.Event()
        job = asyncio.ensure_future(client.run(slow(), JobListener(lambda step: heard.set())))
        if not ahead:
            await asyncio.wait_for(heard.wait(), SECONDS)
        while waiting(server) < ahead + 1:
            await asyncio.sleep(0.05)
        started = time.monotonic()
        for task in (job, *others):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - started < HELD_UP_SECONDS
        while waiting(server):
            await asyncio.sleep(0.05)
        return time.monotonic() - started

    assert asking(server, run) < SECONDS


@pytest.mark.parametrize("path", ["interrupt", "queue"])
def test_a_job_that_somebody_else_stops_is_an_error(server: Server, path: str) -> None:
    async def run(client: ComfyUIClient) -> None:
        ahead = asyncio.ensure_future(client.run(slow()))
        while not server.json("/queue")["queue_running"]:
            await asyncio.sleep(0.05)
        job = asyncio.ensure_future(client.run(slow()))
        while waiting(server) < 2:
            await asyncio.sleep(0.05)
        async with ComfyUIConnection(read_address(server.url), LIMITS) as connection:
            if path == "queue":
                await connection.request("POST", "queue", send={"clear": True})
                with pytest.raises(EditInterrupted, match="removed from the queue"):
                    await asyncio.wait_for(job, SECONDS)
            await connection.request("POST", "interrupt", send={})
        with pytest.raises(EditInterrupted, match="interrupted the edit"):
            await asyncio.wait_for(ahead, SECONDS)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    asking(server, run)


def test_a_websocket_that_is_cut_in_the_middle_costs_nothing(server: Server) -> None:
    """The cut is on this side, in a relay that passes everything else on."""
    cut = False

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal cut
        behind, ahead = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
        pumps = [asyncio.ensure_future(_pump(reader, ahead)), asyncio.ensure_future(_pump(behind, writer))]
        # The first connection is the websocket's.
        seconds, cut = (None, True) if cut else (0.5, True)
        await asyncio.wait(pumps, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        writer.close()
        ahead.close()

    async def run() -> Any:
        async with await asyncio.start_server(relay, "127.0.0.1", 0) as listening:
            address = read_address(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
            async with ComfyUIClient(address, LIMITS) as client:
                return await client.run(slow(frames=40), JobListener(lambda step: titles.append(step.title)))

    titles: list[str] = []
    assert len(asyncio.run(run())["4"]["images"]) == 40
    assert titles[-1] == "SaveImage"  # heard on the second websocket


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
        await target.drain()
