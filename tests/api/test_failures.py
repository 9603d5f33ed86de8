"""Slow, wrong and vanished clients, a full disk, a thousand connections, and the shutdown."""

from __future__ import annotations

import base64
import contextlib
import errno
import gc
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from multiedit.tests.support.api_server import KEY, PLENTY, QUICK, ApiServer, base64_png, png, wait_until
from multiedit.tests.support.timing import HELD_UP_SECONDS

EDIT = json.dumps({**QUICK, "images": [base64_png()]}).encode()
FORM = {"prompt": "p", "safe_mode": "0", "multiedit": '{"keep_size": true}'}


def head(length: int | str, kind: str = "application/json", path: str = "/v1/image/multi-edit") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def read_response(connection: socket.socket) -> tuple[int, str]:
    """The status and the body of what comes back."""
    connection.settimeout(30)
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    first, _, rest = data.partition(b"\r\n")
    return int(first.split()[1]), rest.partition(b"\r\n\r\n")[2].decode(errors="replace")


@contextlib.contextmanager
def connected(server: ApiServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        yield connection


@pytest.fixture(scope="module")
def hasty() -> Iterator[ApiServer]:
    with ApiServer(server_limits={"upload_idle_seconds": 0.2, "upload_seconds": 0.6}) as server:
        yield server


def works(server: ApiServer) -> bool:
    with server.client() as client:
        done = client.post("/image/multi-edit", content=EDIT, headers={"Content-Type": "application/json"})
    return done.status_code == 200 and server.service.jobs.in_flight == 0


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
def test_a_sender_that_stops(hasty: ApiServer, kind: str) -> None:
    with connected(hasty) as connection:
        connection.sendall(head(5000, kind) + b"--b\r\n")
        status, body = read_response(connection)
    assert status == 400
    assert "Upload too slow: no data for 0.2 s." in body
    assert works(hasty)


@pytest.mark.parametrize(("drop", "reason"), [(300, "not complete after 0.6 s"), (1, r"\d+ bytes in 0.2 s")])
def test_a_sender_that_drips(hasty: ApiServer, drop: int, reason: str) -> None:
    with connected(hasty) as connection, ThreadPoolExecutor(1) as pool:
        connection.sendall(head(50_000))
        response = pool.submit(read_response, connection)
        with contextlib.suppress(OSError):
            while not response.done():
                connection.sendall(b" " * drop)
                time.sleep(0.05)
        status, body = response.result()
    assert status == 400
    assert re.search(f"Upload too slow: {reason}", body)
    assert works(hasty)


def send_for_ever(connection: socket.socket, part: bytes) -> None:
    while True:
        connection.sendall(part)


def test_structure_without_images_is_refused_before_it_is_whole(api: ApiServer) -> None:
    size, part, sent = 34_000_000, b"[]," * 100_000, 0
    with connected(api) as connection:
        connection.sendall(head(size))
        with contextlib.suppress(ConnectionError):
            while sent < size and not select.select([connection], [], [], 0)[0]:
                if select.select([], [connection], [], 0.1)[1]:
                    sent += connection.send(part)
        status, body = read_response(connection)
        assert sent < size
        with pytest.raises(ConnectionError):  # nobody reads the rest
            send_for_ever(connection, part)
    assert (status, "beside its images" in body) == (400, True)
    assert works(api)


def test_a_body_cut_in_the_middle(api: ApiServer) -> None:
    for kind in ("application/json", "multipart/form-data; boundary=b"):
        with connected(api) as connection:
            connection.sendall(head(len(EDIT), kind) + EDIT[:300])
            wait_until(lambda: api.service.jobs.in_flight == 1)
        wait_until(lambda: api.service.jobs.in_flight == 0)
    assert works(api)


def test_a_length_that_is_too_short(api: ApiServer) -> None:
    with connected(api) as connection:
        connection.sendall(head(40) + EDIT)
        status, body = read_response(connection)
    assert status == 400  # aiohttp's own words, or ours
    assert "Traceback" not in body
    assert works(api)


@pytest.mark.parametrize(
    "first",
    [
        head("minus five"),
        head(5).replace(b"Host: x", b"X-Long: " + b"x" * 1_000_000),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    ],
    ids=["no number", "a header of 1 MB", "TLS"],
)
def test_no_http(api: ApiServer, first: bytes) -> None:
    with connected(api) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(first)
        try:
            status, body = read_response(connection)
        except OSError:
            status, body = 400, ""  # closed while it was still being sent
    assert status == 400
    assert "Traceback" not in body
    assert "x" * 1000 not in body
    assert works(api)


def test_a_thousand_connections(api: ApiServer) -> None:
    with contextlib.ExitStack() as open_ones, api.client() as client:
        for _ in range(1000):
            connection = open_ones.enter_context(connected(api))
            connection.sendall(b"POST /v1/image/multi-edit HTTP/1.1\r\nHost: x\r\n")
        started = time.monotonic()
        assert client.get("/health").status_code == 200
        assert time.monotonic() - started < HELD_UP_SECONDS
    assert works(api)


class FullDisk(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")


@pytest.mark.parametrize("form", [True, False])
def test_a_full_disk(api: ApiServer, monkeypatch: pytest.MonkeyPatch, form: bool) -> None:
    monkeypatch.setattr("multiedit.api.body.uploads.tempfile.SpooledTemporaryFile", FullDisk)
    with api.client() as client:
        sent: dict[str, Any] = {"content": EDIT, "headers": {"Content-Type": "application/json"}}
        if form:
            sent = {"data": FORM, "files": {"images": ("a", png())}}
        response = client.post("/image/multi-edit", **sent)
    assert response.status_code == 503
    assert "disk is full" in response.json()["error"]
    assert "secret" not in response.text
    monkeypatch.undo()
    assert works(api)


def test_a_folder_of_temporary_files_that_cannot_be_written(
    api: ApiServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent/secret")
    with api.client() as client:
        ready = client.get("/ready")
        edit = client.post("/image/multi-edit", data=FORM, files={"images": ("a", os.urandom(400_000))})
        kept = client.post(
            "/image/multi-edit",
            content=EDIT,
            headers={"Content-Type": "application/json", "Prefer": "respond-async"},
        )
        wait_until(lambda: client.get(f"/jobs/{kept.json()['id']}").json()["status"] == "failed")
    for response in (ready, edit):
        assert response.status_code == 503
        assert "cannot write its temporary files" in response.json()["error"]
        assert "Retry-After" in response.headers
    assert "/nonexistent/secret" in caplog.text
    monkeypatch.undo()
    assert works(api)


class AlmostFullDisk(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
    """What is written waits in memory, as the end of a file does, and finds no room then."""

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")

    def close(self) -> None:
        super().close()
        raise OSError(errno.ENOSPC, "No space left on device", "/secret/path")


def test_a_disk_that_is_full_at_the_end_of_a_file(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiedit.api.body.uploads.tempfile.SpooledTemporaryFile", AlmostFullDisk)
    with api.client() as client:
        response = client.post("/image/multi-edit", data=FORM, files={"images": ("a", png())})
    assert response.status_code == 503
    assert "disk is full" in response.json()["error"]
    monkeypatch.undo()
    assert works(api)


def test_uploads_leave_no_file_behind(
    api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    large = b"x" * 3_000_000
    with api.client() as client:
        response = client.post("/image/multi-edit", data=FORM, files={"images": ("a", large)})
    assert response.status_code == 400
    assert list(tmp_path.iterdir()) == []
    with connected(api) as connection:
        connection.sendall(head(3_000_000, "multipart/form-data; boundary=b"))
        connection.sendall(
            b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\n' + large[:2_000_000]
        )
        assert list(tmp_path.iterdir()) == []
    assert works(api)


NOT_AN_IMAGE = b"\x01" * 5_000_000
NO_PIXELS = png()[:60] + NOT_AN_IMAGE  # its header is an image's


def as_json(image: str) -> dict[str, Any]:
    body = json.dumps({**QUICK, "images": [image]}).encode()
    return {"content": body, "headers": {"Content-Type": "application/json"}}


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, {"data": FORM, "files": {"images": NOT_AN_IMAGE}}),
        (202, {"data": FORM, "files": {"images": NO_PIXELS}, "headers": {"Prefer": "respond-async"}}),
        (400, as_json(base64.b64encode(NOT_AN_IMAGE).decode())),
        (400, as_json("*" * 5_000_000)),
    ],
    ids=["a form", "a kept job", "JSON", "no base64"],
)
def test_a_failed_edit_holds_no_image(api: ApiServer, status: int, sent: dict[str, Any]) -> None:
    gc.collect()
    gc.disable()  # or a cycle that holds one might be found out of time
    tracemalloc.start()
    try:
        with api.client() as client:
            assert client.post("/image/multi-edit", **sent).status_code == status
        wait_until(lambda: tracemalloc.get_traced_memory()[0] < 2_000_000)
    finally:
        tracemalloc.stop()
        gc.enable()


def test_the_log_has_a_line_without_the_prompt(api: ApiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "multiedit.api.request_log")
    with api.client() as client:
        response = client.post(
            "/image/multi-edit", data=FORM | {"prompt": "my secret"}, files={"images": ("a", png())}
        )
    [line] = [
        record.message for record in caplog.records if response.headers["x-request-id"] in record.message
    ]
    facts = dict(pair.split("=", 1) for pair in line.split())
    assert facts["status"] == "200"
    assert facts["model"] == "layer-composite"
    assert facts["size"] == "300x240"
    assert {"load_s", "edit_s", "check_s", "encode_s", "bytes_in", "bytes_out"} <= set(facts)
    assert "secret" not in caplog.text


def test_the_log_has_the_prompt_when_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "multiedit.api.request_log")
    environment = {"MULTIEDIT_API_KEYS": KEY, "MULTIEDIT_LOG_PROMPTS": "on"}
    with ApiServer(environment) as server, server.client() as client:
        client.post(
            "/image/multi-edit", data=FORM | {"prompt": "a\nb status=200"}, files={"images": ("a", png())}
        )
    assert r"prompt='a\nb status=200'" in caplog.text


def test_metrics_count_what_was_answered(api: ApiServer) -> None:
    assert works(api)
    with api.client(path="") as client:
        response = client.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert (
        'multiedit_requests_total{model="layer-composite",route="/v1/image/multi-edit",status="200"}'
        in response.text
    )
    assert 'multiedit_stage_seconds_count{stage="edit"}' in response.text
    assert "multiedit_edits_in_flight 0.0" in response.text


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`multiedit serve`, and its address."""
    environment = {
        **os.environ,
        "MULTIEDIT_API_KEYS": KEY,
        "MULTIEDIT_KEYS_FILE": str(tmp_path / "keys.json"),
        **{f"MULTIEDIT_{name.upper()}": str(value) for name, value in PLENTY.items()},
    }
    command = [sys.executable, "-m", "multiedit", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        yield server, line.split("listens at ")[1].split("/api")[0]
        server.kill()


@pytest.mark.skipif(os.name != "posix", reason="needs files of POSIX")
def test_sigterm_finishes_the_edits_in_flight(process: tuple[subprocess.Popen[str], str]) -> None:
    server, address = process
    edit = json.dumps({"prompt": "p", "images": [base64_png()], "aspect_ratio": "1:1", "resolution": "2K"})
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    metrics = f"{address}/metrics"

    def send() -> httpx.Response:
        return httpx.post(f"{address}/v1/image/multi-edit", content=edit, headers=headers, timeout=60)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(send) for _ in range(2)]
        wait_until(lambda: "multiedit_edits_in_flight 2.0" in httpx.get(metrics, headers=headers).text)
        server.send_signal(signal.SIGTERM)
        started = time.monotonic()
        assert {each.result().status_code for each in running} <= {200, 503}
        assert server.wait(60) == 0
    assert time.monotonic() - started < 60
    assert server.stderr is not None
    assert "Traceback" not in server.stderr.read()


@pytest.mark.parametrize("sent", [b"", b"POST /v1/image/multi-edit HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_without_a_request_is_closed(sent: bytes) -> None:
    with ApiServer(server_limits={"connection_idle_seconds": 0.2}) as server, connected(server) as connection:
        connection.sendall(sent)
        assert connection.recv(1) == b""


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
def test_shutdown_answers_503_to_an_incomplete_request(kind: str) -> None:
    with ApiServer(server_limits={"drain_seconds": 0.2}) as server, connected(server) as connection:
        connection.sendall(head(5000, kind) + b"--b\r\n")
        wait_until(lambda: server.service.jobs.in_flight == 1)
        server.end()
        status, body = read_response(connection)
    assert status == 503
    assert "shutting down" in body


@pytest.mark.parametrize(
    ("kind", "length", "sent"),
    [
        (
            "multipart/form-data; boundary=b",
            5000,
            b'--b\r\nContent-Disposition: form-data; name="images"; filename="a"\r\n\r\nabc',
        ),
        ("application/json", 35_000_000, EDIT[:300]),
    ],
    ids=["form", "json"],
)
def test_senders_that_stop_do_not_hold_up_the_others(
    api: ApiServer, kind: str, length: int, sent: bytes
) -> None:
    with contextlib.ExitStack() as open_ones, api.client() as client:
        for _ in range(20):
            connection = open_ones.enter_context(connected(api))
            connection.sendall(head(length, kind) + sent)
        started = time.monotonic()
        for edit in ({"data": FORM, "files": {"images": ("a", png())}}, {"json": json.loads(EDIT)}):
            assert client.post("/image/multi-edit", **edit).status_code == 200
        assert time.monotonic() - started < HELD_UP_SECONDS
