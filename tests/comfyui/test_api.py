"""The HTTP API on a real ComfyUI's own port: the edit as a job of its queue, followed, cancelled, refused."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from multiedit.tests.support.comfyui import Server
from multiedit.tests.support.documented import KEY, examples, run
from multiedit.tests.support.pictures import PICTURES
from PIL import Image

FIELDS = {"prompt": "put them together", "safe_mode": "false"}
SLOW = FIELDS | {
    "aspect_ratio": "1:1",
    "resolution": "4K",
    "multiedit": '{"placement": {"2": {"seamless": true}}}',
}


@contextlib.contextmanager
def api(server: Server, **headers: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {KEY}", **headers}
    with httpx.Client(
        base_url=f"{server.url}/api/v1", headers=headers, timeout=120, trust_env=False
    ) as client:
        yield client


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with api(server) as client:
        yield client


def files(count: int = 2) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (path.name, path.read_bytes())) for path in PICTURES[:count]]


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
    return found


def queued(server: Server) -> list[Any]:
    queue = server.json("/queue")
    return [*queue["queue_running"], *queue["queue_pending"]]


@pytest.mark.parametrize(
    ("language", "text"), [each for each in examples() if "/api/v1/image" in each[1] or "openai" in each[1]]
)
def test_the_documented_lines_work_on_comfyuis_port_too(
    server: Server, language: str, text: str, tmp_path: Path
) -> None:
    for file in run(language, text, server.url, tmp_path):
        with Image.open(file) as picture:
            assert picture.width / picture.height == 1.5  # as the first image


def test_an_edit_is_a_small_prompt_of_its_own_in_the_history(server: Server, client: httpx.Client) -> None:
    before = set(server.json("/history"))
    response = client.post("/image/multi-edit", data=FIELDS, files=files())
    assert response.status_code == 200, response.text
    assert response.headers["x-venice-model-id"] == "layer-composite"
    assert Image.open(io.BytesIO(response.content)).format == "PNG"
    [job] = set(server.json("/history")) - before
    entry = server.json(f"/history/{job}")[job]
    assert len(json.dumps(entry["prompt"])) < 10_000
    names = [
        name
        for name in server.base.joinpath("input", "multi-edit").iterdir()
        if name.stem in json.dumps(entry)
    ]
    assert len(names) == 2


def test_the_models_that_have_no_files_are_offline(client: httpx.Client) -> None:
    listed = client.get("/models?type=inpaint").json()["data"]
    assert [each["id"] for each in listed if not each["model_spec"]["offline"]] == ["layer-composite"]
    refused = client.post("/image/multi-edit", data=FIELDS | {"modelId": "firered-image-edit"}, files=files())
    assert refused.status_code == 503
    assert "127.0.0.1" not in refused.text


def test_errors_are_the_hosted_apis_here_too(server: Server, client: httpx.Client) -> None:
    wrong = client.post("/image/multi-edit", data=FIELDS | {"quality": "best"}, files=files())
    assert (wrong.status_code, wrong.json()["issues"][0]["path"]) == (400, ["quality"])
    with api(server, Authorization="Bearer wrong") as stranger:
        assert stranger.post("/image/multi-edit", data=FIELDS, files=files()).status_code == 401
        assert stranger.get("/models").status_code == 200
    assert client.get("/image/multi-edit").status_code == 405
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ok"}


def test_comfyuis_own_check_of_origins_comes_first(client: httpx.Client) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert client.post("/image/multi-edit", data=FIELDS, files=files(), headers=headers).status_code == 403


def test_progress_and_the_picture_of_a_job(client: httpx.Client) -> None:
    started = client.post(
        "/image/multi-edit", data=FIELDS, files=files(), headers={"Prefer": "respond-async"}
    )
    assert started.status_code == 202
    job = started.headers["Location"].removeprefix("/api/v1")
    told = client.get(f"{job}/events").text
    stages = [
        json.loads(line[6:])["stage"]
        for line in told.splitlines()
        if '"stage"' in line and '"id"' not in line
    ]
    assert {"load", "upload", "edit", "fetch"} <= set(stages)
    assert client.get(f"{job}/result").status_code == 200
    assert "127.0.0.1" not in client.get(job).text


def send(server: Server, fields: dict[str, str]) -> socket.socket:
    """A request on a socket of its own."""
    request = httpx.Request(
        "POST",
        f"{server.url}/v1/image/multi-edit",
        data=fields,
        files=files(),
        headers={"Authorization": f"Bearer {KEY}"},
    )
    body = request.read()
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(["POST /v1/image/multi-edit HTTP/1.1", *lines, "", ""])
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    connection.sendall(head.encode() + body)
    return connection


def test_closing_the_socket_cancels_the_job(server: Server, client: httpx.Client) -> None:
    with send(server, SLOW):
        until(lambda: queued(server))
    until(lambda: not queued(server))
    assert client.post("/image/multi-edit", data=FIELDS, files=files()).status_code == 200


MODEL = {"prompt": "a hat", "modelId": "qwen-edit", "safe_mode": "false"}


def test_a_generative_model_edits_over_http_with_previews(model_server: Server) -> None:
    """Two whole edits by a model, one of them with every preview: they take their time on a processor."""
    with api(model_server) as client:
        listed = client.get("/models?type=inpaint").json()["data"]
        able = {each["id"] for each in listed if not each["model_spec"]["offline"]}
        assert {"layer-composite", "firered-image-edit", "qwen-edit"} <= able
        started = client.post(
            "/image/multi-edit", data=MODEL, files=files(1), headers={"Prefer": "respond-async"}
        )
        job = started.headers["Location"].removeprefix("/api/v1")
        told = client.get(f"{job}/events").text
        result = client.get(f"{job}/result")
    assert result.status_code == 200, result.text
    assert result.headers["x-venice-model-id"] == "qwen-edit"
    assert Image.open(io.BytesIO(result.content)).size == (1248, 832)
    assert "data:image/jpeg;base64," in told
    assert told.rstrip().rpartition("event: ")[2].startswith("done")


def test_a_generative_models_edit_is_cancelled_by_closing_the_socket(model_server: Server) -> None:
    with send(model_server, MODEL):
        until(lambda: model_server.json("/queue")["queue_running"])
    until(lambda: not queued(model_server), 60)
