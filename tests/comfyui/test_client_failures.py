"""The client against a stand-in that fails in every way that a ComfyUI, or what is taken for one, can."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from aiohttp import web
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.adapters.comfyui.client.client import ComfyUIClient
from multiedit.pipelines.adapters.comfyui.client.job import JobListener
from multiedit.pipelines.adapters.comfyui.client.progress_events import NodeProgress, Preview
from multiedit.pipelines.common.errors import (
    ClassifierMissing,
    EditFailed,
    EditInterrupted,
    InvalidRequest,
    MultiEditError,
    ServerUnreachable,
)
from multiedit.pipelines.common.settings import ComfyUILimits
from multiedit.tests.support.comfyui_peer import Peer, failure, replying, serving, success

GRAPH = {
    "1": {"class_type": "LoadImage", "inputs": {}},
    "2": {"class_type": "KSampler", "inputs": {}, "_meta": {"title": "Sample"}},
}
LIMITS = ComfyUILimits(
    comfyui_seconds=5.0, comfyui_connect_seconds=2.0, comfyui_poll_seconds=0.05, comfyui_cancel_seconds=1.0
)
_Answer = TypeVar("_Answer")
Ask = Callable[[ComfyUIClient], Awaitable[_Answer]]


def asking(peer: Peer, ask: Ask[_Answer], limits: ComfyUILimits = LIMITS) -> _Answer:
    async def run() -> _Answer:
        async with serving(peer), ComfyUIClient(read_address(peer.url), limits) as client:
            return await ask(client)

    return asyncio.run(run())


def running(peer: Peer, limits: ComfyUILimits = LIMITS, **events: Any) -> Any:
    return asking(peer, lambda client: client.run(GRAPH, JobListener(**events)), limits)


def refused(kind: type[MultiEditError], run: Callable[[], object]) -> str:
    with pytest.raises(MultiEditError) as caught:
        run()
    assert type(caught.value) is kind
    return caught.value.message


def test_a_job_that_goes_well_gives_its_outputs() -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.end(job, success(**{"2": {"images": [{"filename": "a.png"}]}}))

    peer = Peer(play)
    assert running(peer) == {"2": {"images": [{"filename": "a.png"}]}}
    assert peer.asked[:2] == ["GET /ws", "POST /prompt"]
    assert peer.posted[0]["prompt"] == GRAPH
    assert peer.posted[0]["extra_data"] == {"preview_method": "none"}


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(
    "entry", [success(), failure(node_type="X", exception_type="E", exception_message="m")]
)
def test_a_job_stays_in_the_history_or_not(keep: bool, entry: dict[str, Any]) -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.end(job, entry)

    peer = Peer(play)

    async def ask(client: ComfyUIClient) -> None:
        with contextlib.suppress(EditFailed):
            await client.run(GRAPH, keep_history=keep)

    asking(peer, ask)
    assert (list(peer.history) == [peer.posted[0]["prompt_id"]]) is keep


def test_steps_and_previews_are_handed_on() -> None:
    steps: list[NodeProgress] = []
    previews: list[Preview] = []

    async def play(peer: Peer, job: str) -> None:
        state = {"node_id": "2", "display_node_id": "2", "state": "running", "value": 3, "max": 4}
        about = {"prompt_id": job, "image_type": "image/png"}
        others = {"prompt_id": "another", "image_type": "image/png"}
        await peer.send("execution_cached", nodes=["1"], prompt_id=job)
        await peer.send("progress_state", nodes={"2": state}, prompt_id="another")
        await peer.send("progress_state", nodes={"2": state}, prompt_id=job)
        for message in (
            bytes([0, 0, 0, 1, 0, 0, 0, 1]) + b"jpeg",
            _with_metadata(about) + b"png",
            _with_metadata(others) + b"not ours",
            bytes([0, 0, 0, 3, 0, 0, 0, 1]) + b"text",
        ):
            await peer.sockets[-1].send_bytes(message)
        await peer.end(job, success())

    peer = Peer(play)
    running(peer, step=steps.append, preview=previews.append)
    assert steps == [NodeProgress("Sample", 3.0, 4.0, 0.875)]
    assert previews == [(b"jpeg", "image/jpeg"), (b"png", "image/png")]
    assert peer.posted[0]["extra_data"] == {"preview_method": "auto"}


def _with_metadata(about: dict[str, str]) -> bytes:
    text = json.dumps(about).encode()
    return bytes([0, 0, 0, 4]) + len(text).to_bytes(4, "big") + text


NODE_ERRORS = {
    "7": {
        "class_type": "UNETLoader",
        "errors": [{"message": "Value not in list", "details": "unet_name: 'x'", "extra_info": {}}],
    }
}


@pytest.mark.parametrize(
    ("status", "answer", "told"),
    [
        (
            400,
            {"error": {"message": "m", "details": "d"}, "node_errors": NODE_ERRORS},
            "UNETLoader: Value not",
        ),
        (
            400,
            {"error": {"message": "Cannot execute", "details": "#9"}, "node_errors": {}},
            "Cannot execute (#9)",
        ),
        (
            200,
            {"prompt_id": "x", "node_errors": NODE_ERRORS},
            "UNETLoader: Value not in list (unet_name: 'x')",
        ),
    ],
)
def test_a_refused_graph_says_which_nodes_and_why(status: int, answer: dict[str, Any], told: str) -> None:
    peer = Peer(replies={"/prompt": replying(answer, status)})
    assert told in refused(InvalidRequest, lambda: running(peer))
    assert peer.asked[-1].endswith("/cancel")  # with 200 ComfyUI has queued what is left of the graph


ERROR = {
    "node_type": "KSampler",
    "exception_message": "boom\n\nTIPS: none\n",
    "exception_type": "RuntimeError",
    "traceback": ["secret path"],
    "current_inputs": {"x": "secret tensor"},
}


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({}, EditFailed, "KSampler failed. The ComfyUI at ADDRESS says: boom TIPS: none"),
        (
            {"exception_message": "\n"},
            EditFailed,
            "KSampler failed. The ComfyUI at ADDRESS says: RuntimeError",
        ),
        (
            {"node_type": "MultiEditSafeMode", "exception_type": "/a/b.errors.ClassifierMissing"},
            ClassifierMissing,
            "boom TIPS: none",
        ),
        (
            {"exception_type": "x.ClassifierMissing"},
            EditFailed,
            "KSampler failed. The ComfyUI at ADDRESS says: boom TIPS: none",
        ),
        (
            {"node_type": "MultiEditEdit", "exception_type": "annotations"},
            EditFailed,
            "MultiEditEdit failed. The ComfyUI at ADDRESS says: boom TIPS: none",
        ),
    ],
)
def test_a_failed_node_is_named_with_comfyuis_message_and_nothing_else(
    changes: dict[str, str], kind: type[MultiEditError], told: str
) -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.end(job, failure(**{**ERROR, **changes}))

    peer = Peer(play)
    assert refused(kind, lambda: running(peer)) == told.replace("ADDRESS", peer.url)
    assert not any(path.endswith("/cancel") for path in peer.asked)


def test_an_interrupted_job_is_an_error_of_its_own() -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.end(job, {"status": {"messages": [["execution_interrupted", {}]]}, "outputs": {}})

    assert "interrupted the edit" in refused(EditInterrupted, lambda: running(Peer(play)))


def test_a_job_taken_out_of_the_queue_is_noticed() -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.end(job, None)

    assert "no longer has the job" in refused(EditInterrupted, lambda: running(Peer(play)))


@pytest.mark.parametrize("cuts", [1, 50])
def test_a_cut_websocket_is_opened_again_and_at_last_done_without(cuts: int) -> None:
    async def play(peer: Peer, job: str) -> None:
        for _ in range(cuts):
            await peer.sockets[-1].close()
            await asyncio.sleep(0.01)
        await peer.end(job, None)
        peer.history[job] = success(**{"1": {}})

    peer = Peer(play)
    assert running(peer) == {"1": {}}
    assert len(peer.sockets) == 1 + min(cuts, LIMITS.comfyui_attempts)
    assert len({socket_path for socket_path in peer.asked if "/ws" in socket_path}) == 1


def test_a_server_without_a_websocket_is_asked_for_the_end() -> None:
    async def play(peer: Peer, job: str) -> None:
        await asyncio.sleep(0.2)
        peer.queue.clear()
        peer.history[job] = success()

    peer = Peer(play, replies={"/ws": replying(b"", 404)})
    assert running(peer) == {}


def test_a_server_that_is_gone_is_an_error_after_a_few_attempts() -> None:
    async def run() -> None:
        peer = Peer(_never)
        async with ComfyUIClient(read_address("http://127.0.0.1:9"), LIMITS) as nobody:
            with pytest.raises(ServerUnreachable, match="cannot be reached"):
                await nobody.run(GRAPH)
        async with serving(peer):
            client = await ComfyUIClient(read_address(peer.url), LIMITS).__aenter__()
            job = asyncio.ensure_future(client.run(GRAPH))
            while not peer.posted:
                await asyncio.sleep(0.01)
        with pytest.raises(
            ServerUnreachable, match=re.escape(f"The ComfyUI at {peer.url}: the server cannot be")
        ):
            await job
        await client.__aexit__()

    asyncio.run(run())


async def _never(peer: Peer, job: str) -> None:
    await asyncio.sleep(0)


def test_a_queue_without_an_end_is_given_up_and_the_job_cancelled() -> None:
    peer = Peer(_never)
    limits = ComfyUILimits(comfyui_seconds=0.3, comfyui_poll_seconds=0.05)
    assert "was not done after 0.3 s" in refused(EditFailed, lambda: running(peer, limits))
    assert peer.queue == []


def test_news_without_an_end_are_given_up_too() -> None:
    async def play(peer: Peer, job: str) -> None:
        while True:
            await peer.send("executing", node="1", prompt_id=job)
            await asyncio.sleep(0.01)

    limits = ComfyUILimits(comfyui_seconds=0.3)
    assert "was not done" in refused(EditFailed, lambda: running(Peer(play), limits))


def _cancelled(peer: Peer, until: Callable[[], bool]) -> None:
    async def ask(client: ComfyUIClient) -> None:
        job = asyncio.ensure_future(client.run(GRAPH))
        while not until():
            await asyncio.sleep(0.005)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    asking(peer, ask)


def test_a_cancelled_edit_is_cancelled_in_comfyui() -> None:
    peer = Peer(_never)
    _cancelled(peer, lambda: bool(peer.queue))
    assert peer.queue == []
    assert peer.asked[-1] == f"POST /api/jobs/{peer.posted[0]['prompt_id']}/cancel"


def test_an_edit_that_is_cancelled_while_it_is_being_queued_is_waited_for_and_cancelled() -> None:
    peer = Peer(_never)
    usual = peer.queue_prompt

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.2)
        return await usual(request)

    peer.replies["/prompt"] = slow
    _cancelled(peer, lambda: "POST /prompt" in peer.asked)
    assert len(peer.posted) == 1
    assert peer.queue == []


def test_an_older_comfyui_is_told_in_its_own_words() -> None:
    told: list[Any] = []
    peer = Peer(_never)

    async def hear(request: web.Request) -> web.StreamResponse:
        told.append(await request.json())
        return web.Response()

    async def run(client: ComfyUIClient) -> None:
        job = asyncio.ensure_future(client.run(GRAPH))
        while not peer.queue:
            await asyncio.sleep(0.005)
        peer.replies[f"/api/jobs/{peer.queue[0]}/cancel"] = replying(b"", 405)
        peer.replies |= {"/queue": hear, "/interrupt": hear}
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    asking(peer, run, ComfyUILimits())
    assert told == [{"delete": peer.queue}, {"prompt_id": peer.queue[0]}]


def test_what_a_callback_raises_ends_the_job() -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.sockets[-1].send_bytes(bytes([0, 0, 0, 1, 0, 0, 0, 1]) + b"jpeg")

    def full(preview: Preview) -> None:
        raise OSError("no space")

    peer = Peer(play)
    with pytest.raises(OSError, match="no space"):
        running(peer, preview=full)
    assert peer.queue == []


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b"{}", b'{"system": 3, "devices": []}', b"[" * 100_000])
def test_what_is_no_comfyui_is_told(answer: bytes) -> None:
    peer = Peer(replies={"/system_stats": replying(answer)})
    assert "a response that is not ComfyUI's" in refused(EditFailed, lambda: asking(peer, _describe))


async def _describe(client: ComfyUIClient) -> Any:
    return await client.describe(["A", "B"], ["loras"])


@pytest.mark.parametrize("event", ["{", "[]", '{"type": "progress_state", "data": {"prompt_id": "ID"}}'])
def test_an_event_that_is_none_ends_the_job(event: str) -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.sockets[-1].send_str(event.replace("ID", job))

    peer = Peer(play)
    assert "a response that is not ComfyUI's" in refused(EditFailed, lambda: running(peer))
    assert peer.queue == []


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "http://name:password@host"),
        (302, "redirect (302)"),
        (500, "responded to /system_stats with 500"),
    ],
)
def test_a_status_is_explained(status: int, told: str) -> None:
    peer = Peer(replies={"/system_stats": replying(b"", status)})
    assert told in refused(EditFailed, lambda: asking(peer, _describe))


def test_a_huge_answer_is_not_taken() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(100_000))
            sent += 100_000

    peer = Peer(replies={"/view": endless})
    limits = ComfyUILimits(comfyui_response_bytes=1_000_000)
    output = {"filename": "a.png", "subfolder": "", "type": "output"}
    message = refused(EditFailed, lambda: asking(peer, lambda client: client.fetch(output), limits))
    assert "the limit is 1000000" in message
    assert sent < 50_000_000


def test_a_huge_event_is_a_cut_and_no_end() -> None:
    async def play(peer: Peer, job: str) -> None:
        await peer.sockets[0].send_bytes(bytes(2_000_000))
        await asyncio.sleep(0.1)
        peer.queue.clear()
        peer.history[job] = success()

    limits = ComfyUILimits(comfyui_response_bytes=1_000_000, comfyui_poll_seconds=0.05)
    assert running(Peer(play), limits) == {}


def test_a_server_that_hangs_is_left_after_the_time_to_connect() -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    peer = Peer(replies={"/system_stats": hang})
    limits = ComfyUILimits(comfyui_connect_seconds=0.2)
    assert "within 0.2 s" in refused(ServerUnreachable, lambda: asking(peer, _describe, limits))


def test_a_server_is_described() -> None:
    peer = Peer(replies={"/object_info/B": replying({}), "/models/vae": replying(b"", 404)})
    facts = asking(peer, lambda client: client.describe(["A", "B"], ["loras", "vae"]))
    assert (facts.version, facts.memory_bytes, facts.jobs) == ("0.33.0", 24 * 10**9, 0)
    assert facts.nodes == {"A"}
    assert facts.models == {"loras": ["a.safetensors", "sub/b.safetensors"], "vae": []}


def test_a_name_and_a_password_are_sent_and_never_told() -> None:
    peer = Peer(replies={"/prompt": replying(b"", 500)})

    async def run() -> str:
        async with serving(peer):
            address = read_address(peer.url.replace("http://", "http://ann:s3cret@"))
            async with ComfyUIClient(address, LIMITS) as client:
                with pytest.raises(EditFailed) as caught:
                    await client.run(GRAPH)
            return caught.value.message + repr(address)

    told = asyncio.run(run())
    assert {headers.get("Authorization") for headers in peer.headers} == {"Basic YW5uOnMzY3JldA=="}
    assert "s3cret" not in told
