"""Requests per minute and the error budget, with a fake clock and once over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest
from multiedit.api.access.rate_limit import RateLimits
from multiedit.api.errors import RateLimited
from multiedit.pipelines.common.settings import ServerLimits
from multiedit.tests.support.api_server import QUICK, ApiServer, HeldBackend, base64_png


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rates(clock: Clock) -> RateLimits:
    limits = replace(ServerLimits(), requests_per_minute=3, failures=2, failure_seconds=30.0)
    return RateLimits(limits, clock, now=lambda: 1_700_000_000.0 + clock())


def test_the_minute_slides(rates: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        rates.count_request("me")
        clock.seconds += 10
    with pytest.raises(RateLimited) as error:
        rates.count_request("me")
    assert error.value.retry_after == 30
    clock.seconds += 30.1
    rates.count_request("me")
    with pytest.raises(RateLimited):
        rates.count_request("me")


def test_each_caller_has_its_own(rates: RateLimits) -> None:
    for _ in range(3):
        rates.count_request("me")
    rates.count_request("you")
    assert rates.headers("you")["x-ratelimit-remaining-requests"] == "2"
    assert rates.headers("me") == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": str((1_700_000_000 + 1060) * 1000),
        "x-ratelimit-type": "api_key",
    }


def test_more_failures_than_the_budget_close_one_model(rates: RateLimits, clock: Clock) -> None:
    for _ in range(3):
        rates.check_failures("me", "a")
        rates.count_failure("me", "a", 400)
    with pytest.raises(RateLimited, match=r"Too many failed attempts \(> 2\)"):
        rates.check_failures("me", "a")
    rates.check_failures("me", "b")
    rates.check_failures("you", "a")
    clock.seconds += 31
    assert rates.check_failures("me", "a")["x-ratelimit-remaining"] == "2"


@pytest.mark.parametrize("status", [200, 401, 429, 500, 503])
def test_what_is_not_the_callers_fault_does_not_count(rates: RateLimits, status: int) -> None:
    for _ in range(9):
        rates.count_failure("me", "a", status)
    assert rates.check_failures("me", "a")["x-ratelimit-remaining"] == "2"


def test_over_http_it_is_429_with_when_to_come_back() -> None:
    def held(*_: object) -> HeldBackend:
        backend = HeldBackend()
        backend.go.set()
        return backend

    edit = {**QUICK, "images": [base64_png()]}
    with (
        ApiServer(make_backend=held, server_limits={"requests_per_minute": 2, "failures": 1}) as server,
        server.client() as client,
    ):
        for left in ("1", "0"):
            response = client.post("/image/multi-edit", json=edit)
            assert response.headers["x-ratelimit-remaining-requests"] == left
        refused = client.post("/image/multi-edit", json=edit)
        assert refused.status_code == 429
        assert set(refused.json()) == {"error"}
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert client.get("/models").status_code == 200
