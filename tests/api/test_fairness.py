"""One key that takes all it can get, and the edit of another one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from multiedit.api.body.uploads import ReadThrottle
from multiedit.api.errors import ServerBusy
from multiedit.api.slots import Slots
from multiedit.pipelines.common.fair_semaphore import FairSemaphore
from multiedit.pipelines.sources.fetch import resolve_host
from multiedit.tests.support.api_server import KEY, OTHER_KEY, QUICK, ApiServer, base64_png, wait_until
from multiedit.tests.support.timing import HELD_UP_SECONDS

EDIT = {**QUICK, "images": [base64_png()]}
SLOTS = 66
PARALLEL = 8


def post(server: ApiServer, key: str, edit: object = EDIT) -> tuple[int, float]:
    """The status of an edit, and the seconds that it took."""
    started = time.monotonic()
    with server.client(key) as client:
        status = client.post("/image/multi-edit", json=edit).status_code
    return status, time.monotonic() - started


def upload(server: ApiServer) -> socket.socket:
    """An edit whose body does not come."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(
        f"POST /v1/image/multi-edit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 5000\r\n\r\n{".encode()
    )
    return connection


@pytest.fixture
def silent_host() -> Iterator[socket.socket]:
    """A server that accepts and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def image_of(host: socket.socket) -> str:
    return f"http://127.0.0.1:{host.getsockname()[1]}/image.png"


def test_uploads_that_never_end_make_room_for_another_key() -> None:
    with ApiServer() as server, contextlib.ExitStack() as open_ones:
        uploads = [open_ones.enter_context(upload(server)) for _ in range(SLOTS)]
        wait_until(lambda: server.service.jobs.in_flight == SLOTS)
        status, seconds = post(server, OTHER_KEY)
        assert status == 200
        assert seconds < HELD_UP_SECONDS
        answer = uploads[-1].recv(65536).decode()
        assert " 503 " in answer.partition("\r\n")[0]
        assert "others wait" in answer
        assert post(server, KEY)[0] == 200  # in the slot that is free again


def test_slow_picture_hosts_take_no_working_place(silent_host: socket.socket) -> None:
    limits = {"fetch_seconds": 60.0, "fetch_allowed_hosts": ("127.0.0.1",)}
    with ApiServer(limits=limits) as server:
        slow = {**QUICK, "images": [image_of(silent_host)] * 3}
        threads = [threading.Thread(target=post, args=(server, KEY, slow)) for _ in range(PARALLEL)]
        for thread in threads:
            thread.start()
        wait_until(lambda: server.service.jobs.in_flight == PARALLEL)
        status, seconds = post(server, OTHER_KEY)
        assert status == 200
        assert seconds < HELD_UP_SECONDS
        assert server.service.jobs.in_flight == PARALLEL
        silent_host.close()  # which resets what it never accepted
        for thread in threads:
            thread.join()


def test_a_request_is_accepted_before_its_pictures_are_fetched(silent_host: socket.socket) -> None:
    limits = {"fetch_seconds": 0.5, "fetch_allowed_hosts": ("127.0.0.1",)}
    with ApiServer(limits=limits) as server, server.client() as client:
        headers = {"Prefer": "respond-async"}
        accepted = client.post(
            "/image/multi-edit", json={**QUICK, "images": [image_of(silent_host)]}, headers=headers
        )
        assert accepted.status_code == 202
        job = f"/jobs/{accepted.json()['id']}"
        wait_until(lambda: client.get(job).json()["status"] == "failed")
        assert "did not deliver" in json.dumps(client.get(job).json())


def test_names_that_nobody_answers_for_hold_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def never(*_: object, **__: object) -> None:
        asked.wait(60)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", never)

    async def scenario() -> float:
        lookups = [asyncio.ensure_future(resolve_host("no.example", 80)) for _ in range(40)]
        await asyncio.sleep(0.05)
        started = time.monotonic()
        await asyncio.to_thread(int)
        seconds = time.monotonic() - started
        asked.set()
        await asyncio.gather(*lookups, return_exceptions=True)
        return seconds

    assert asyncio.run(scenario()) < HELD_UP_SECONDS


def test_callers_take_turns() -> None:
    served: list[str] = []

    async def work(semaphore: FairSemaphore, owner: str) -> None:
        async with semaphore.hold(owner):
            served.append(owner)
            await asyncio.sleep(0)

    async def scenario() -> None:
        semaphore = FairSemaphore(1)
        tasks = [asyncio.ensure_future(work(semaphore, owner)) for owner in "caaaabbc"]
        await asyncio.sleep(0)
        tasks[-1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await work(semaphore, "d")

    asyncio.run(scenario())
    assert "".join(served) == "cababaad"


def test_who_works_on_less_goes_first() -> None:
    served: list[str] = []

    async def scenario() -> None:
        semaphore, ends = FairSemaphore(2), [asyncio.Event() for _ in range(5)]

        async def work(owner: str, end: asyncio.Event) -> None:
            async with semaphore.hold(owner):
                served.append(owner)
                await end.wait()

        tasks = [asyncio.ensure_future(work(*each)) for each in zip("aaaab", ends, strict=True)]
        for _ in range(3):
            await asyncio.sleep(0)
        ends[0].set()
        for _ in range(3):
            await asyncio.sleep(0)
        assert served == list("aab")
        for end in ends:
            end.set()
        await asyncio.gather(*tasks)

    asyncio.run(scenario())
    assert served == list("aabaa")


def test_only_an_upload_of_who_has_more_loses_its_slot() -> None:
    async def scenario() -> None:
        slots = Slots(3)
        never = asyncio.Event()
        with contextlib.ExitStack() as held:
            first, second, _ = (held.enter_context(slots.reserve(owner)) for owner in "aab")
            receiving = asyncio.ensure_future(slots.receive(second, never.wait()))
            await asyncio.sleep(0)
            with pytest.raises(ServerBusy), slots.reserve("b"):
                pass  # one more would be no fairer
            with slots.reserve("c"):
                with pytest.raises(ServerBusy, match="others wait"):
                    await receiving
                assert slots.in_flight == 3
                with pytest.raises(ServerBusy), slots.reserve("d"):
                    pass  # whose edits run keep their slots
            assert slots.in_flight == 2
            assert not first.lost
        assert slots.in_flight == 0

    asyncio.run(scenario())


def test_a_slot_that_is_lost_just_as_its_request_ends_is_not_used() -> None:
    async def use() -> None:
        slots = Slots(2)
        received = asyncio.Event()

        async def request() -> None:
            with slots.reserve("one") as slot:
                await slots.receive(slot, received.wait())

        first, second = asyncio.ensure_future(request()), asyncio.ensure_future(request())
        await asyncio.sleep(0.01)
        received.set()
        await asyncio.sleep(0)  # both requests end now, and nobody has been told yet
        with slots.reserve("other"):
            await first
            with pytest.raises(ServerBusy, match="others wait"):
                await second
        assert slots.in_flight == 0

    asyncio.run(use())


def test_uploads_that_trickle_do_not_hold_up_the_reads_of_others() -> None:
    async def scenario() -> float:
        throttle, end = ReadThrottle(), asyncio.Event()

        async def trickle() -> None:
            async def read_chunk() -> bytes:
                await asyncio.sleep(0.1)
                return b"" if end.is_set() else b"x"

            reads = throttle.reads(read_chunk)
            while await reads.next():
                pass

        async def quick() -> bytes:
            return b"x"

        tasks = [asyncio.ensure_future(trickle()) for _ in range(200)]
        await asyncio.sleep(1.2)  # until each has been found slow
        started = time.monotonic()
        reads = throttle.reads(quick)
        for _ in range(50):
            await reads.next()
        seconds = time.monotonic() - started
        end.set()
        await asyncio.gather(*tasks)
        return seconds

    assert asyncio.run(scenario()) < HELD_UP_SECONDS
