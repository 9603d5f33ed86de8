"""Authentication, over real connections and by its rules."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from multiedit.api.access.auth import Guard
from multiedit.api.access.keys import KeyFile, default_path
from multiedit.api.routes.table import ROUTES
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.validation import shown
from multiedit.tests.support.api_server import KEY, QUICK, ApiServer, HeldBackend, base64_png

EDIT = {**QUICK, "images": [base64_png()]}


def held(*_: object) -> HeldBackend:
    backend = HeldBackend()
    backend.go.set()
    return backend


def test_without_a_key_configured_only_the_models_answer() -> None:
    with ApiServer(environment={}, make_backend=held) as server, server.client(None, "") as client:
        for route in ROUTES:
            response = client.request(route.method, route.path.replace("{id}", "x"))
            if route.path == "/v1/models":
                assert response.status_code == 200
                continue
            assert response.status_code == 401, route.path
            assert "multiedit keys add" in response.text
            assert "MULTIEDIT_API_KEYS" in response.text


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x"])
def test_a_wrong_key_is_401(api: ApiServer, header: str | None) -> None:
    with api.client(None) as client:
        headers = {"Authorization": header} if header else {}
        response = client.post("/image/multi-edit", json=EDIT, headers=headers)
    assert response.status_code == 401
    assert set(response.json()) == {"error"}
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_health_and_the_documentation_need_no_key_once_there_is_one(api: ApiServer) -> None:
    with api.client(None) as client:
        paths = ("/health", "/ready", "/openapi.json", "/docs", "/models")
        assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


@pytest.fixture(scope="module")
def opened() -> httpx.Client:
    with ApiServer({"MULTIEDIT_AUTH": "off"}, make_backend=held) as server, server.client(None) as client:
        yield client


LOCAL_PAGE = {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}


@pytest.mark.parametrize("headers", [{}, {"Host": "localhost:8188"}, LOCAL_PAGE])
def test_off_opens_it_to_this_machine(opened: httpx.Client, headers: dict[str, str]) -> None:
    assert opened.post("/image/multi-edit", json=EDIT, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "rebound.example.com"},
        {"X-Forwarded-For": "198.51.100.7"},
        {"Forwarded": "for=198.51.100.7"},
        {"X-Forwarded-Proto": "https"},
        {"Via": "1.1 proxy"},
        {"CF-Connecting-IP": "198.51.100.7"},
    ],
)
def test_off_opens_it_to_no_page_or_proxy_of_others(opened: httpx.Client, headers: dict[str, str]) -> None:
    assert opened.post("/image/multi-edit", json=EDIT, headers=headers).status_code == 401


def test_the_mode_is_on_or_off() -> None:
    with pytest.raises(InvalidRequest, match="MULTIEDIT_AUTH"):
        Guard.from_environment({"MULTIEDIT_AUTH": "no"})


def test_a_key_of_the_file_works_until_it_is_revoked(tmp_path: Path) -> None:
    environment = {"MULTIEDIT_KEYS_FILE": str(tmp_path / "keys.json")}
    file = KeyFile(default_path(environment))
    with ApiServer(environment, make_backend=held) as server, server.client(None) as client:
        assert "keys add" in client.get("/health").text
        key = file.add("me")
        headers = {"Authorization": f"Bearer {key}"}
        assert client.post("/image/multi-edit", json=EDIT, headers=headers).status_code == 200
        [key_id] = file.keys()
        file.add("somebody else")
        file.revoke(key_id)
        assert client.post("/image/multi-edit", json=EDIT, headers=headers).status_code == 401


def test_a_damaged_file_of_keys_lets_nobody_in_and_tells_no_path(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys.json"
    file.write_text("{")
    with (
        ApiServer({"MULTIEDIT_KEYS_FILE": str(file)}, make_backend=held) as server,
        server.client("k") as client,
    ):
        response = client.post("/image/multi-edit", json=EDIT)
        assert response.status_code == 500
        assert str(tmp_path) not in response.text
    assert shown(file) in caplog.text


def test_wrong_keys_are_slowed_and_right_ones_are_not() -> None:
    with ApiServer(make_backend=held, server_limits={"wrong_keys_per_minute": 3}) as server:
        with server.client("wrong") as client:
            tries = [client.post("/image/multi-edit", json=EDIT) for _ in range(5)]
        with server.client(None) as client:
            assert client.post("/image/multi-edit", json=EDIT).status_code == 401
        with server.client(KEY) as client:
            assert client.post("/image/multi-edit", json=EDIT).status_code == 200
    assert [response.status_code for response in tries] == [401, 401, 401, 429, 429]
    assert 0 < float(tries[-1].headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/no%0asuch", 404), ("PUT", "/v1/models", 405)]
)
def test_what_no_route_takes_is_logged(
    api: ApiServer, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int
) -> None:
    with caplog.at_level("INFO"), api.client(None, "") as client:
        assert client.request(method, path).status_code == status
    [line] = [record.getMessage() for record in caplog.records if f"status={status}" in record.getMessage()]
    assert f"method={method}" in line
    assert "\n" not in line
