"""Open connections of a server that may open few files, and what its log repeats."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from multiedit.api import request_log, standalone_server
from multiedit.api.log_throttle import LogThrottle
from multiedit.tests.support.api_server import KEY, ApiServer, base64_png
from multiedit.tests.support.timing import HELD_UP_SECONDS

FILES = 512  # that the server may open; what it keeps for itself leaves 128 connections
HALF = b"POST /v1/image/multi-edit HTTP/1.1\r\nHost: x\r\n"
MOST = 40
EDIT = {"prompt": "p", "safe_mode": False, "images": [base64_png()], "multiedit": {"keep_size": True}}
HEADERS = {"Authorization": f"Bearer {KEY}"}


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Path]]:
    """`multiedit serve` with few files, and the file of its log."""
    resource = pytest.importorskip("resource")
    environment = {
        **os.environ,
        "MULTIEDIT_API_KEYS": KEY,
        "MULTIEDIT_KEYS_FILE": str(tmp_path / "keys.json"),
    }
    environment |= getattr(request, "param", {})
    log = tmp_path / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "multiedit", "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, FILES)),
        ) as process,
    ):
        assert process.stdout is not None
        yield process.stdout.readline().split("listens at ")[1].split("/api")[0], log
        process.kill()


def connect(address: str, sent: bytes, source: str = "127.0.0.1") -> socket.socket:
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30, source_address=(source, 0))
    connection.sendall(sent)
    return connection


def test_half_sent_requests_without_end_lock_nobody_out(server: tuple[str, Path]) -> None:
    address, log = server
    with contextlib.ExitStack() as open_ones:
        for _ in range(2 * FILES):
            open_ones.enter_context(connect(address, HALF))
        started = time.monotonic()
        assert httpx.get(f"{address}/v1/health", timeout=30).status_code == 200
        assert time.monotonic() - started < HELD_UP_SECONDS
        assert (
            httpx.post(f"{address}/v1/image/multi-edit", json=EDIT, headers=HEADERS, timeout=60).status_code
            == 200
        )
    assert log.stat().st_size < 10_000


@pytest.mark.parametrize("server", [{"MULTIEDIT_CONNECTIONS_PER_ADDRESS": str(MOST)}], indirect=True)
def test_one_address_has_its_own_bound(server: tuple[str, Path]) -> None:
    address, _ = server
    with contextlib.ExitStack() as open_ones:
        other = open_ones.enter_context(connect(address, HALF, "127.0.0.2"))
        mine = [open_ones.enter_context(connect(address, HALF)) for _ in range(MOST + 1)]
        assert httpx.get(f"{address}/v1/health", timeout=30).status_code == 200
        for first in mine[:2]:  # the oldest two made room, for the last of them and for the request
            with contextlib.suppress(ConnectionResetError):  # or the end, depending on what was read
                assert first.recv(1) == b""
        for connection in (mine[2], other):
            connection.sendall(b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize("server", [{"MULTIEDIT_CONNECTIONS_PER_ADDRESS": "4"}], indirect=True)
def test_a_newcomer_is_refused_while_every_connection_has_a_request(server: tuple[str, Path]) -> None:
    address, _ = server
    fields = f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n"
    slow = HALF + fields.encode() + b"{"
    with contextlib.ExitStack() as open_ones:
        for _ in range(4):
            open_ones.enter_context(connect(address, slow))
        time.sleep(1)  # until each is under way
        response = httpx.get(f"{address}/v1/health", timeout=30)
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
        assert "too many connections" in response.json()["error"]


def test_a_repeated_message_is_left_out_and_counted() -> None:
    now = [0.0]
    throttle = LogThrottle(lambda: now[0])

    def shown(message: str) -> list[str]:
        record = logging.LogRecord("x", logging.ERROR, "", 0, message, (), None)
        return [record.getMessage()] if throttle.filter(record) else []

    passed = [text for number in range(100) for text in shown(f"no files\nsocket {number}")]
    assert len(passed) == 5
    assert shown("another") == ["another"]
    now[0] = 61.0
    assert shown("no files\nsocket 7") == ["no files\nsocket 7 (95 more like it were left out)"]


def test_logs_are_bounded_only_as_long_as_the_server_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, Callable[[], None]] = {}
    monkeypatch.setattr("signal.signal", handlers.__setitem__)
    monkeypatch.setattr("threading.Timer", lambda *_: threading.Thread())  # ends the process
    loggers = [*map(logging.getLogger, ("asyncio", "aiohttp.server")), request_log.logger]
    before, during = [[*logger.filters] for logger in loggers], list[int]()

    async def scenario(server: ApiServer) -> None:
        def listening(_: str) -> None:
            during.extend(len(logger.filters) for logger in loggers)
            handlers[signal.SIGTERM]()

        await standalone_server.serve(server.service, "127.0.0.1", 0, listening)

    with ApiServer() as server:
        asyncio.run(scenario(server))
    assert during == [len(filters) + 1 for filters in before]
    assert [logger.filters for logger in loggers] == before


def test_only_the_lines_about_strangers_are_bounded() -> None:
    throttle = LogThrottle(lambda: 0.0, most=3, only="stranger ")

    def passed(message: str) -> int:
        records = (logging.LogRecord("x", logging.INFO, "", 0, message, ("a",), None) for _ in range(10))
        return sum(map(throttle.filter, records))

    assert [passed("stranger %s"), passed("%s")] == [3, 10]
