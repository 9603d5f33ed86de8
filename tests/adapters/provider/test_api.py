"""Our own HTTP API on both ends: it takes the edit of a closed model, and is the endpoint that makes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from multiedit.api.backends.base import Backend, EditJobRequest, OnProgress
from multiedit.api.backends.local import LocalBackend
from multiedit.api.backends.routing import RoutingBackend
from multiedit.cli.main import main
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.adapters.provider.registry import load_provider
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits, ServerLimits
from multiedit.pipelines.editing.pipeline import EditResult
from multiedit.pipelines.planning.request import Extras
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.tests.support.api_server import KEY, OTHER_KEY, ApiServer, embedded, loader, png

CLOSED = [model.id for model in load_catalog() if model.weights == "closed"]


class Maker:
    """Makes the edits of closed models with layer-composite, at the first picture's own size."""

    def __init__(self, limits: Limits, server_limits: ServerLimits) -> None:
        self._inner = embedded(limits, server_limits)

    async def models(self) -> list[str]:
        return CLOSED

    async def check(self) -> str | None:
        return None

    async def check_edit(self, job: EditJobRequest) -> None:
        pass

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        request = dataclasses.replace(
            job.request, model_id="layer-composite", aspect_ratio=None, multiedit=Extras(keep_size=True)
        )
        made = await self._inner.edit(dataclasses.replace(job, request=request), on_progress)
        plan = dataclasses.replace(made.plan, model=job.request.model_id or "")
        return dataclasses.replace(made, plan=plan)


@pytest.fixture(scope="module")
def maker() -> Iterator[ApiServer]:
    with ApiServer({"MULTIEDIT_API_KEYS": OTHER_KEY}, Maker) as server:
        yield server


@pytest.fixture
def environment(maker: ApiServer, folders: Mapping[str, str]) -> dict[str, str]:
    url = f"{maker.url}/api/v1"
    return {**folders, "MULTIEDIT_PROVIDER_URL": url, "MULTIEDIT_PROVIDER_KEY": OTHER_KEY}


@pytest.fixture
def api(environment: Mapping[str, str]) -> Iterator[ApiServer]:
    def backend(limits: Limits, server_limits: ServerLimits) -> Backend:
        hosting = load_provider(limits, environment)
        safety = SafetySettings.from_environment({})
        adapters = {**local_adapters(limits), **hosting.adapters(limits)}
        return LocalBackend(limits, hosting.catalog, loader(limits), safety, 2, adapters)

    with ApiServer(make_backend=backend) as server:
        yield server


def test_all_closed_models_run_over_our_own_api_and_are_listed_as_running(api: ApiServer) -> None:
    with api.client() as client:
        listed = client.get("/models", params={"type": "inpaint"}).json()["data"]
        offline = {model["id"]: model["model_spec"]["offline"] for model in listed}
        assert [model for model in CLOSED if offline[model]] == []
        for model in CLOSED:
            files = [
                ("images", ("a.png", png(size=(300, 240)))),
                ("images", ("b.png", png((9, 90, 9), (256, 256)))),
            ]
            fields = {"prompt": "a hat", "modelId": model, "safe_mode": "false", "output_format": "png"}
            answer = client.post("/image/multi-edit", data=fields, files=files)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-venice-model-id"] == model
            assert answer.headers["content-type"] == "image/png"


def test_a_wrong_key_is_the_operators_business(
    environment: Mapping[str, str], maker: ApiServer, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = {**environment, "MULTIEDIT_PROVIDER_KEY": KEY}

    def backend(limits: Limits, server_limits: ServerLimits) -> Backend:
        hosting, safety = load_provider(limits, wrong), SafetySettings.from_environment({})
        return LocalBackend(limits, hosting.catalog, loader(limits), safety, 2, hosting.adapters(limits))

    with ApiServer(make_backend=backend) as server, server.client() as client:
        fields = {"prompt": "p", "modelId": CLOSED[0], "safe_mode": "false"}
        answer = client.post("/image/multi-edit", data=fields, files=[("images", ("a.png", png()))])
    assert answer.status_code == 403
    assert answer.json()["error"].startswith("The provider refuses this server's key")
    [line] = [record.getMessage() for record in caplog.records if "responded with 401" in record.getMessage()]
    assert KEY not in line
    assert KEY not in answer.text


def test_the_command_line_edits_explains_and_lists(
    environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: Any
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    base, out = tmp_path / "base.png", tmp_path / "out.png"
    base.write_bytes(png())
    words = [
        "edit",
        "--image",
        str(base),
        "--prompt",
        "a hat",
        "--model",
        "gpt-image-2-edit",
        "--no-safe-mode",
    ]
    assert main([*words, "--explain"]) == 0
    assert '"price_usd": 0.34' in capsys.readouterr().out
    assert main([*words, "-o", str(out)]) == 0
    said = capsys.readouterr().err
    assert "charges about 0.34 USD" in said
    assert out.read_bytes().startswith(b"\x89PNG")
    assert main(["models"]) == 0
    assert capsys.readouterr().out.count(" provider ") == len(CLOSED)
    monkeypatch.setenv("MULTIEDIT_MAX_USD", "0.1")
    assert main([*words, "-o", str(out)]) == 1
    assert "costs 0.34 USD; MULTIEDIT_MAX_USD allows 0.1" in capsys.readouterr().err


def test_the_list_of_our_own_api_is_understood(
    environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["models", "--refresh"]) == 0
    told = capsys.readouterr().out
    # Our API says that a request takes no more than three pictures.
    assert "nano-banana-2-edit: max_images was 6, is 3" in told
    assert "layer-composite" not in told
    assert main(["models", "--refresh"]) == 0
    assert capsys.readouterr().out == "Nothing has changed.\n"


@pytest.mark.parametrize(
    ("asked", "made"),
    [(None, "there"), ("layer-composite", "there"), ("flux-2-max-edit", "here"), ("qwen-edit", "there")],
)
def test_in_comfyui_only_closed_models_leave_the_queue(asked: str | None, made: str) -> None:
    import asyncio

    class Side:
        def __init__(self, name: str, models: list[str]) -> None:
            self.name, self._models = name, models

        async def models(self) -> list[str]:
            return self._models

        async def edit(self, work: Any, listen: Any) -> Any:
            return self.name

    class Asked:
        model_id = asked

    here, there = Side("here", CLOSED), Side("there", ["layer-composite", "qwen-edit"])
    backend = RoutingBackend(here, there)
    assert asyncio.run(backend.edit(EditJobRequest(Asked()), lambda progress: None)) == made
