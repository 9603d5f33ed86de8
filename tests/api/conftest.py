"""One real server with the embedded model for all tests of this folder that change nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from multiedit.tests.support.api_server import ApiServer


@pytest.fixture(scope="session")
def api() -> Iterator[ApiServer]:
    with ApiServer(limits={"fetch_allowed_hosts": ("pictures.test",)}) as server:
        yield server


@pytest.fixture(scope="session")
def client(api: ApiServer) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client
