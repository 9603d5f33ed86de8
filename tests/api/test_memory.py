"""Edits that share a budget of memory: what has no room waits, and leaves when it is cancelled."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from multiedit.api.backends.base import Backend
from multiedit.api.backends.local import LocalBackend
from multiedit.pipelines.adapters.composite import CompositeAdapter
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.memory import MemoryBudget
from multiedit.pipelines.common.settings import Limits, ServerLimits
from multiedit.pipelines.editing.edit_memory import edit_bytes
from multiedit.pipelines.images.header import FileSize
from multiedit.pipelines.planning.request import parse_request
from multiedit.pipelines.safety.settings import SafetySettings
from multiedit.tests.support.api_server import (
    KEY,
    OTHER_KEY,
    QUICK,
    ApiServer,
    base64_png,
    loader,
    wait_until,
)

EDIT = {**QUICK, "images": [base64_png(size=(320, 256))]}
LARGE = {**QUICK, "images": [base64_png(size=(2048, 1024))] * 2}
NEED = edit_bytes(parse_request(EDIT, Limits()), [FileSize((320, 256), "png")], Limits())


class Held:
    """A model whose edits wait until `go`; counts them."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.running = 0
        self.most = 0
        self._adapter = CompositeAdapter(Limits())
        self.name = self._adapter.name

    def run(self, *arguments):  # type: ignore[no-untyped-def]
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            assert self.go.wait(20)
            return self._adapter.run(*arguments)
        finally:
            self.running -= 1


class FirstAway(Held):
    """The first edit is made by another machine, which responds at `go`."""

    def run(self, plan, images, progress, away):  # type: ignore[no-untyped-def]
        self.running += 1
        if self.running == 1:
            with away():
                assert self.go.wait(20)
        return self._adapter.run(plan, images, progress)


@contextlib.contextmanager
def server(budget: int, adapter: Held | None = None) -> Iterator[ApiServer]:
    def backend(limits: Limits, server_limits: ServerLimits) -> Backend:
        adapters = {"layer-composite": adapter} if adapter else local_adapters(limits)
        settings, memory = SafetySettings.from_environment({}), MemoryBudget(budget)
        return LocalBackend(
            limits, load_catalog(), loader(limits), settings, 4, adapters, hold_memory=memory.hold
        )

    with ApiServer(make_backend=backend) as api:
        yield api


def post(api: ApiServer, edit: object, key: str = KEY, headers: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    with api.client(key) as client:
        return client.post("/image/multi-edit", json=edit, headers=headers)


def test_edits_wait_for_each_other_s_memory() -> None:
    held = Held()
    with server(NEED * 2, held) as api:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(post(api, EDIT).status_code)) for _ in "123"
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: held.running == 2)
        time.sleep(0.2)
        assert held.running == 2
        held.go.set()
        for thread in threads:
            thread.join()
        assert (statuses, held.most) == ([200] * 3, 2)


def test_what_never_fits_is_refused_and_costs_others_nothing() -> None:
    with server(NEED * 2) as api:
        refused = post(api, LARGE)
        assert refused.status_code == 400
        assert "MULTIEDIT_MEMORY_BYTES" in refused.text
        assert post(api, EDIT, OTHER_KEY).status_code == 200


def test_a_cancelled_edit_leaves_the_queue_for_memory() -> None:
    held = Held()
    with server(NEED, held) as api:
        asynchronous = {"Prefer": "respond-async"}
        post(api, EDIT, headers=asynchronous)
        wait_until(lambda: held.running == 1)
        waiting = post(api, EDIT, headers=asynchronous).json()["id"]
        with api.client() as client:
            assert client.delete(f"/jobs/{waiting}").status_code in (200, 204)
        wait_until(lambda: api.service.jobs.in_flight == 1)
        held.go.set()
        assert post(api, EDIT, OTHER_KEY).status_code == 200
        assert held.most == 1


def test_an_edit_holds_no_memory_while_another_machine_makes_it() -> None:
    remote = FirstAway()
    with server(NEED, remote) as api:
        statuses: list[int] = []
        first = threading.Thread(target=lambda: statuses.append(post(api, EDIT).status_code))
        first.start()
        wait_until(lambda: remote.running == 1)
        assert post(api, EDIT, OTHER_KEY).status_code == 200
        assert not statuses
        remote.go.set()
        first.join()
        assert statuses == [200]
