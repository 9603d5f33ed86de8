"""Jobs: slots, progress, cancellation, time limits, and results that are fetched later."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest
from multiedit.api.backends.base import EditJobRequest, OnProgress
from multiedit.api.edit_job import EditJob
from multiedit.api.errors import NotFound
from multiedit.api.job_manager import JobManager
from multiedit.pipelines.common.errors import EditFailed, ImageTooLarge
from multiedit.pipelines.common.settings import ServerLimits
from multiedit.pipelines.editing.pipeline import EditResult
from multiedit.pipelines.planning.request import EditRequest
from multiedit.tests.support.api_server import (
    KEY,
    OTHER_KEY,
    QUICK,
    ApiServer,
    HeldBackend,
    base64_png,
    wait_until,
)

EDIT = {**QUICK, "images": [base64_png()]}
MEGABYTE = 1_000_000
ASYNC = {"Prefer": "respond-async"}


@contextlib.contextmanager
def held_server(**limits: Any) -> Iterator[tuple[ApiServer, HeldBackend, httpx.Client]]:
    backend = HeldBackend()
    with (
        ApiServer(make_backend=lambda *_: backend, server_limits=limits) as server,
        server.client() as client,
    ):
        yield server, backend, client
        backend.go.set()


def start(client: httpx.Client) -> str:
    response = client.post("/image/multi-edit", json=EDIT, headers=ASYNC)
    assert response.status_code == 202
    assert response.headers["Preference-Applied"] == "respond-async"
    address = response.headers["Location"]
    assert address == f"/api/v1/jobs/{response.json()['id']}"
    return address.removeprefix("/api/v1")


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n")
    ]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def test_a_job_from_start_to_result() -> None:
    with held_server() as (_, backend, client):
        job = start(client)
        wait_until(lambda: client.get(job).json()["status"] == "running")
        state = client.get(job).json()
        assert state["progress"] == {"stage": "edit", "share": 0.5}
        assert (state["result"], state["error"]) == (None, None)
        early = client.get(f"{job}/result")
        assert (early.status_code, early.headers["Retry-After"]) == (409, "1")
        backend.go.set()
        wait_until(lambda: client.get(job).json()["status"] == "done")
        result = client.get(client.get(job).json()["result"].removeprefix("/api/v1"))
        assert result.headers["Content-Type"] == "image/png"
        assert result.headers["x-venice-model-id"] == "layer-composite"


def test_progress_comes_as_server_sent_events() -> None:
    with held_server() as (_, backend, client), client.stream("GET", f"{start(client)}/events") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        text = ""
        for chunk in stream.iter_text():
            text += chunk
            if "preview" in text:
                backend.go.set()
        streamed = events(text)
    assert (
        "progress",
        {"stage": "edit", "share": 0.5, "preview": "data:image/jpeg;base64,anBlZw=="},
    ) in streamed
    assert streamed[-1][0] == "done"
    assert streamed[-1][1]["result"].endswith("/result")


def test_a_real_job_streams_and_logs_its_stages(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "multiedit.api.request_log")
    job = start(client)
    streamed = events(client.get(f"{job}/events").text)
    assert streamed[-1][0] == "done"
    assert streamed[-1][1]["plan"]["model"] == "layer-composite"
    assert client.get(f"{job}/result").status_code == 200
    [line] = [record.message for record in caplog.records if " job=" in record.message]
    assert "status=done model=layer-composite size=300x240" in line
    assert "edit_s=" in line


def test_shutdown_answers_503_to_an_edit_that_does_not_end() -> None:
    with ThreadPoolExecutor(1) as pool, held_server(drain_seconds=0.2) as (server, backend, client):
        waiting = pool.submit(client.post, "/image/multi-edit", json=EDIT)
        assert backend.started.wait(30)
        server.end()
        assert waiting.result().status_code == 503


def test_a_failed_job_has_the_error_of_the_synchronous_answer() -> None:
    with held_server() as (_, backend, client):
        backend.error = EditFailed("the edit failed")
        backend.go.set()
        job = start(client)
        wait_until(lambda: client.get(job).json()["status"] == "failed")
        assert client.get(job).json()["error"] == {"error": "the edit failed"}
        assert client.get(f"{job}/result").status_code == 500
        assert client.get(f"{job}/result").json() == {"error": "the edit failed"}


def test_a_failed_job_has_its_routes_field_name_and_status() -> None:
    fields = {"prompt": "p", "image": base64_png()}
    with held_server() as (_, backend, client):
        backend.error = ImageTooLarge("image 1 is too large", field="images")
        backend.go.set()
        address = client.post("/image/edit", json=fields, headers=ASYNC).headers["Location"]
        job = address.removeprefix("/api/v1")
        wait_until(lambda: client.get(job).json()["status"] == "failed")
        late, direct = client.get(f"{job}/result"), client.post("/image/edit", json=fields)
    assert (late.status_code, late.json()) == (422, direct.json())
    assert late.json()["issues"][0]["path"] == ["image"]


def test_a_job_is_cancelled_and_gone() -> None:
    with held_server() as (_, backend, client):
        job = start(client)
        assert backend.started.wait(30)
        assert client.delete(job).status_code == 204
        assert backend.cancelled.wait(30)
        assert client.get(job).status_code == 404


def test_a_job_is_its_owners_alone() -> None:
    with held_server() as (server, _, client), server.client(OTHER_KEY) as other:
        job = start(client)
        for method, path in (
            ("GET", job),
            ("GET", f"{job}/result"),
            ("GET", f"{job}/events"),
            ("DELETE", job),
        ):
            assert other.request(method, path).status_code == 404
        assert client.get(job).status_code == 200


def test_old_results_make_room_for_new_ones() -> None:
    with held_server(job_bytes=800) as (_, backend, client):  # an image has some 700 bytes
        backend.go.set()
        first = start(client)
        wait_until(lambda: client.get(first).json()["status"] == "done")
        second = start(client)
        wait_until(lambda: client.get(second).json()["status"] == "done")
        assert client.get(first).status_code == 404
        assert client.get(f"{second}/result").status_code == 200


def test_a_result_expires() -> None:
    now = 0.0

    async def scenario() -> None:
        nonlocal now
        backend = HeldBackend()
        backend.go.set()
        jobs = JobManager(backend, replace(ServerLimits(), job_seconds=900.0), clock=lambda: now)

        async def prepare() -> EditJobRequest:
            return EditJobRequest(EditRequest("p", ()))

        job = jobs.start(prepare, "me", contextlib.ExitStack(), lambda error: error)
        await job.finished.wait()
        jobs.keep(job)
        now = 900.0
        assert jobs.get(job.id, "me") is job
        now = 900.1
        with pytest.raises(NotFound, match="900 s"):
            jobs.get(job.id, "me")
        await jobs.drain()

    asyncio.run(scenario())


class LargeBackend(HeldBackend):
    """Gives results of a megabyte, the first byte of which is the number of the edit."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        number = self.made = self.made + 1
        result = await super().edit(job, on_progress)
        return replace(result, file=replace(result.file, data=bytes([number]) * MEGABYTE))


def test_results_wait_on_disk_and_their_limit_holds_when_they_come_at_once() -> None:
    async def scenario() -> None:
        backend = LargeBackend()
        jobs = JobManager(backend, replace(ServerLimits(), job_bytes=2 * MEGABYTE + 1))

        async def prepare() -> EditJobRequest:
            return EditJobRequest(EditRequest("p", ()))

        started = [jobs.start(prepare, "me", contextlib.ExitStack(), lambda error: error) for _ in range(20)]
        for job in started:
            jobs.keep(job)
        tracemalloc.start()
        backend.go.set()
        for job in started:
            await job.finished.wait()
        kept = [job for job in started if job.stored and not _expired(jobs, job)]
        assert [(await job.load_result()).file.data[:1] for job in kept] == [b"\x13", b"\x14"]
        assert tracemalloc.get_traced_memory()[0] < 2 * MEGABYTE
        tracemalloc.stop()
        with pytest.raises(NotFound, match="expired"):
            await started[0].load_result()
        await jobs.drain()

    asyncio.run(scenario())


def _expired(jobs: JobManager, job: EditJob) -> bool:
    try:
        jobs.get(job.id, "me")
    except NotFound:
        return True
    return False


def test_a_client_that_leaves_cancels_its_edit() -> None:
    with held_server() as (server, backend, _):
        body = json.dumps(EDIT).encode()
        head = (
            f"POST /v1/image/multi-edit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head.encode() + body)
            assert backend.started.wait(30)
        assert backend.cancelled.wait(30)
        wait_until(lambda: server.service.jobs.in_flight == 0)


def test_more_than_the_queue_holds_is_503_at_once() -> None:
    limits = {"edits_at_once": 1, "edits_waiting": 2}
    with held_server(**limits) as (_, backend, client), ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(client.post, "/image/multi-edit", json=EDIT) for _ in range(3)]
        wait_until(lambda: client.get("/ready").status_code == 503)
        refused = client.post("/image/multi-edit", json=EDIT)
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert "3 edits" in refused.json()["error"]
        assert client.get("/health").status_code == 200
        backend.go.set()
        assert [each.result().status_code for each in waiting] == [200] * 3
        assert client.get("/ready").status_code == 200


def test_an_edit_has_a_time_limit_and_the_next_one_works() -> None:
    with held_server(edit_seconds=0.2) as (_, backend, client):
        late = client.post("/image/multi-edit", json=EDIT)
        assert late.status_code == 504
        assert set(late.json()) == {"error"}
        assert backend.cancelled.is_set()
        backend.go.set()
        assert client.post("/image/multi-edit", json=EDIT).status_code == 200


def test_an_unexpected_error_is_500_without_details(caplog: pytest.LogCaptureFixture) -> None:
    with held_server() as (_, backend, client):
        backend.error = ZeroDivisionError("/secret/path.py tensor([1.0])")
        backend.go.set()
        response = client.post("/image/multi-edit", json=EDIT)
        assert response.status_code == 500
        assert "secret" not in response.text
        assert set(response.json()) == {"error"}
    assert "/secret/path.py" in caplog.text
