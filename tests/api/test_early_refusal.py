"""While all places are taken: a wrong edit is refused at once, and a provider has places of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from multiedit.api.backends.base import Backend
from multiedit.api.backends.local import LocalBackend
from multiedit.pipelines.adapters.base import EditOutput
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits, ServerLimits
from multiedit.pipelines.images.input_image import PixelSource
from multiedit.pipelines.planning.plan import EditPlan
from multiedit.pipelines.planning.provider import PROVIDER
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.tests.support.api_server import (
    KEY,
    QUICK,
    ApiServer,
    base64_png,
    loader,
    png,
    wait_until,
)

AT_ONCE = 2
REMOTE = "gpt-image-2-edit"
EDIT = {**QUICK, "images": [base64_png()], "modelId": "layer-composite"}
CUT = png()[:40]


@dataclass
class HeldAdapter:
    """An adapter whose edits wait for `go`; `running` counts those that do."""

    name: str
    go: threading.Event = field(default_factory=threading.Event)
    running: int = 0

    def run(self, plan: EditPlan, images: Sequence[PixelSource], *_: object) -> EditOutput:
        self.running += 1
        assert self.go.wait(60)
        return EditOutput(torch.ones(1, plan.height, plan.width, 3))


@pytest.fixture(scope="module")
def busy() -> Iterator[ApiServer]:
    """A server where the key has all its local places taken, to its end; its provider answers at once."""
    held, remote = HeldAdapter("composite"), HeldAdapter(PROVIDER)
    remote.go.set()

    def backend(limits: Limits, server_limits: ServerLimits) -> Backend:
        adapters = {"layer-composite": held, REMOTE: remote}
        safety = SafetySettings.from_environment({})
        return LocalBackend(limits, load_catalog(), loader(limits), safety, AT_ONCE, adapters)

    def edit(server: ApiServer, key: str) -> int:
        with server.client(key) as client:
            return client.post("/image/multi-edit", json=EDIT, timeout=120).status_code

    with ApiServer(make_backend=backend) as server, ThreadPoolExecutor() as threads:
        keys = [KEY] * AT_ONCE
        edits = [threads.submit(edit, server, key) for key in keys]
        try:
            wait_until(lambda: held.running == len(keys))
            yield server
        finally:
            held.go.set()
        assert [each.result() for each in edits] == [200] * len(keys)


@pytest.mark.parametrize("prefer", [{}, {"Prefer": "respond-async"}], ids=["waiting", "respond-async"])
@pytest.mark.parametrize(
    ("changes", "status", "expected"),
    [
        ({"modelId": "no-such-model"}, 400, "no-such-model"),
        ({"modelId": "qwen-edit"}, 503, "qwen-edit"),
        ({"aspect_ratio": "7:5", "multiedit": {}}, 400, "7:5"),
        ({"resolution": "8K"}, 400, "8K"),
        ({"modelId": REMOTE, "prompt": "p" * 10_001}, 400, "10001 characters"),
        ({"modelId": REMOTE, "aspect_ratio": "auto", "multiedit": {}}, 400, "auto"),
        ({"images": [base64_png(size=(100, 100))]}, 400, "65536"),
        ({"images": [base64_png(), base64_png(size=(100, 100))]}, 400, "image 2"),
        ({"images": ["aGVsbG8gd29ybGQh"]}, 400, "image 1"),
    ],
)  # fmt: skip
def test_a_wrong_edit_waits_for_no_other(
    busy: ApiServer, prefer: Mapping[str, str], changes: Mapping[str, Any], status: int, expected: str
) -> None:
    with busy.client() as client:
        response = client.post("/image/multi-edit", json={**EDIT, **changes}, headers=prefer)
    assert (response.status_code, expected in response.text) == (status, True), response.text


def test_a_file_that_is_cut_in_its_header_is_refused_too(busy: ApiServer) -> None:
    with busy.client() as client:
        response = client.post("/image/edit", data={"prompt": "p"}, files={"image": ("a.png", CUT)})
    assert (response.status_code, response.json()["issues"][0]["path"][0]) == (400, "image")


def test_what_a_provider_makes_does_not_wait_for_what_runs_here(busy: ApiServer) -> None:
    with busy.client() as client:
        response = client.post("/image/multi-edit", json={**EDIT, "modelId": REMOTE, "multiedit": {}})
    assert (response.status_code, response.headers["x-venice-model-id"]) == (200, REMOTE), response.text
