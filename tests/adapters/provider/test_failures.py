"""What an endpoint may do on its bad days: each is an error that says what to do, and what was charged."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from multiedit.pipelines.adapters.provider.registry import load_provider
from multiedit.pipelines.adapters.provider.responses import ProviderResponse, image_of
from multiedit.pipelines.adapters.provider.settings import ProviderSettings
from multiedit.pipelines.common.errors import (
    InvalidRequest,
    MultiEditError,
    PaymentNeeded,
    ProviderAuthError,
    ProviderContentRefused,
    ProviderError,
    ProviderResponseLost,
    ProviderUnavailable,
    ServerUnreachable,
    SpendingLimit,
)
from multiedit.pipelines.common.settings import Limits
from multiedit.tests.support.provider_peer import KEY, HostedPeer, png, replying
from multiedit.tests.support.spending import spent_today

Edit = Callable[..., Any]
CERTIFICATE = Path(__file__).parents[2] / "sources" / "pictures.example.pem"
PICTURE = png((300, 240))
PHOTO = (Path(__file__).parents[3] / "samples" / "coffee.jpg").read_bytes()
PRICE = 0.1
# Quick where the wait is not what is tested.
QUICK = {"MULTIEDIT_PROVIDER_WAIT_SECONDS": "0.01"}
WALLET = {
    "error": "Payment required", "code": "PAYMENT_REQUIRED", "currentBalanceUsd": 0.05, "minimumTopUpUsd": 5,
    "topUpInstructions": {"step1": "POST /x402/top-up", "step2": "Sign it", "receiverWallet": "0x2670B922"},
}  # fmt: skip


@pytest.fixture
def spent(folders: dict[str, str]) -> Callable[[], float]:
    path = Path(folders["XDG_STATE_HOME"]) / "multi-edit" / "spending.sqlite"
    return lambda: spent_today(path)


@pytest.mark.parametrize(
    ("status", "body", "kind", "words", "attempts", "charged"),
    [
        (400, {"error": "Invalid model id"}, InvalidRequest, "400: Invalid model id. .*--refresh", 1, 0),
        (400, {"error": "Bad", "issues": [{"message": "too many"}]}, InvalidRequest, "Bad; too", 1, 0),
        (401, {"error": f"no such key {KEY}"}, ProviderAuthError, r"no such key \*\*\*.*Check MULTIEDIT", 1, 0),  # noqa: E501
        (402, {"error": "Insufficient balance"}, PaymentNeeded, "balance. Top the account up", 1, 0),
        (402, WALLET, PaymentNeeded, "balance is 0.05 USD.*step1: POST .*receiverWallet: 0x2670B922", 1, 0),
        (403, {"error": "Region"}, ProviderAuthError, "403: Region. The key's privacy", 1, 0),
        (404, {"error": "Media"}, ProviderError, "404: Media. Check the path of MULTIEDIT_PROVIDER_URL", 1, 0),  # noqa: E501
        (413, {"error": "Too large"}, ProviderError, "413: Too large. Send smaller", 1, 0),
        (415, b"", ProviderError, "415: no reason", 1, 0),
        (422, {"error": "Your prompt"}, ProviderContentRefused, "422: Your prompt. Change the prompt", 1, PRICE),  # noqa: E501
        (429, {"error": "Rate limit"}, ProviderUnavailable, "429: Rate limit. Wait a minute", 4, 0),
        (500, {"error": "Failed"}, ProviderError, "500: Failed. Try again later", 4, 0),
        (502, b"<html>Bad gateway</html>", ProviderResponseLost, "502: no reason. It may have", 4, 4 * PRICE),
        (503, {"error": "Offline"}, ProviderUnavailable, "503: Offline. Try again later", 4, 0),
        (504, {"error": ["odd", 1]}, ProviderResponseLost, "504: no reason. It may have", 4, 4 * PRICE),
        (524, b"A timeout occurred", ProviderResponseLost, "524: no reason. It may have been charged", 1, PRICE),  # noqa: E501
        (307, b"", ProviderError, "It redirects, which is not followed", 1, 0),
        (200, {"error": "Something"}, ProviderResponseLost, "200 without an image: Something.*charged", 1, PRICE),  # noqa: E501
        (200, b"<html></html>", ProviderResponseLost, "no usable image.*charged", 1, PRICE),
        (200, b"", ProviderResponseLost, "no usable image", 1, PRICE),
        (200, png((1, 1)), ProviderContentRefused, "stands for a refusal.*1x1", 1, PRICE),
        (200, png()[:3000], ProviderResponseLost, "no usable image.*rows are there", 1, PRICE),
        (200, PHOTO[:50_000], ProviderResponseLost, "no usable image.*rows are there", 1, PRICE),
        (200, png(kind="gif"), ProviderResponseLost, "sent a gif file", 1, PRICE),
    ],
)  # fmt: skip
def test_an_answer_is_the_error_that_it_means(
    status: int, body: Any, kind: type[MultiEditError], words: str, attempts: int, charged: float,
    edit: Edit, spent: Callable[[], float],
) -> None:  # fmt: skip
    with HostedPeer(replying(body, status)) as peer, pytest.raises(MultiEditError) as caught:
        edit(peer, PICTURE, environment=QUICK)
    assert type(caught.value) is kind
    assert re.search(words, caught.value.message, re.DOTALL), caught.value.message
    assert KEY not in caught.value.message
    assert not (
        charged and kind is ProviderResponseLost and caught.value.status >= 500
    )  # which clients repeat
    assert len(peer.asked) == attempts
    assert spent() == pytest.approx(charged)


def test_a_violation_in_the_headers_is_a_refusal(edit: Edit) -> None:
    with (
        HostedPeer(replying(x_venice_is_content_violation="true")) as peer,
        pytest.raises(ProviderContentRefused, match="violation"),
    ):
        edit(peer, PICTURE)


def test_what_may_be_asked_for_again_is_until_it_is_there(edit: Edit, spent: Callable[[], float]) -> None:
    with HostedPeer(replying({}, 429), replying({}, 503), replying()) as peer:
        edit(peer, PICTURE, environment=QUICK)
    assert len(peer.asked) == 3
    assert spent() == pytest.approx(PRICE)


def test_each_attempt_that_may_have_been_charged_is_counted(edit: Edit, spent: Callable[[], float]) -> None:
    replies = replying({}, 504), replying({}, 503), replying({}, 402)
    with HostedPeer(*replies) as peer, pytest.raises(PaymentNeeded):
        edit(peer, PICTURE, environment=QUICK)
    assert len(peer.asked) == 3
    assert spent() == pytest.approx(PRICE)


def test_attempts_together_stay_within_the_limit_of_one_edit(edit: Edit, spent: Callable[[], float]) -> None:
    environment = {**QUICK, "MULTIEDIT_MAX_USD": "0.2"}
    words = r"before may have cost 0\.2; MULTIEDIT_MAX_USD allows 0\.2"
    with HostedPeer(replying({}, 504)) as peer, pytest.raises(SpendingLimit, match=words):
        edit(peer, PICTURE, environment=environment)
    assert len(peer.asked) == 2
    assert spent() == pytest.approx(0.2)


def test_an_attempt_that_would_have_to_be_given_up_is_not_begun(edit: Edit) -> None:
    with HostedPeer(replying({}, 503, Retry_After="0.1")) as peer, pytest.raises(ProviderUnavailable):
        edit(peer, PICTURE, environment={"MULTIEDIT_PROVIDER_SECONDS": "15"})
    assert len(peer.asked) == 1


def test_a_list_of_models_that_is_late_was_not_charged(folders: dict[str, str]) -> None:
    with HostedPeer(_silent) as peer:
        environment = {**folders, **peer.environment, "MULTIEDIT_PROVIDER_SECONDS": "0.3"}
        with pytest.raises(ProviderResponseLost, match="Try again later") as caught:
            asyncio.run(load_provider(Limits(), environment).fetch_models())
    assert "charged" not in caught.value.message


def test_the_endpoints_own_wait_is_kept_to(edit: Edit) -> None:
    with HostedPeer(replying({}, 429, Retry_After="0.6"), replying()) as peer:
        before = time.monotonic()
        edit(peer, PICTURE, environment={"MULTIEDIT_PROVIDER_WAIT_SECONDS": "60"})
    assert 0.6 <= time.monotonic() - before < 30


def test_a_wait_beyond_the_edits_time_is_not_begun(edit: Edit) -> None:
    with HostedPeer(replying({}, 429, Retry_After="3600")) as peer, pytest.raises(ProviderUnavailable):
        edit(peer, PICTURE)
    assert len(peer.asked) == 1


def test_an_answer_may_be_larger_than_what_may_be_sent() -> None:
    answer = ProviderResponse(200, {}, png())
    small = Limits(max_file_bytes=1000)
    assert image_of(answer, ProviderSettings("https://h"), small).size == (1024, 1024)


async def _half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100000", "Content-Type": "image/png"})
    await response.prepare(request)
    await response.write(png()[:2000])
    request.transport.abort()
    return response


async def _gone(request: web.Request) -> web.StreamResponse:
    request.transport.abort()
    return web.Response()


async def _silent(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def _two_gigabytes(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(2 * 10**9)})
    await response.prepare(request)
    for _ in range(2 * 10**5):
        await response.write(b"\x89PNG\r\n\x1a\n" * 1250)
    return response


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"\x89PNG\r\n\x1a\n" * 1250)


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (_half, ProviderResponseLost, "was cut off. The edit may have been made, and charged"),
        (
            _gone,
            ProviderResponseLost,
            "was closed without a response. The edit may have been made, and charged",
        ),
        (_silent, ProviderResponseLost, "no response in time; MULTIEDIT_PROVIDER_SECONDS allows 0.5 s"),
        (_two_gigabytes, ProviderResponseLost, "the limit is 1000000"),
        (_endless, ProviderResponseLost, "the limit is 1000000"),
    ],
)
def test_what_may_have_been_charged_is_not_sent_again_and_says_so(
    reply: Any, kind: type, words: str, edit: Edit, spent: Callable[[], float]
) -> None:
    limits = {"MULTIEDIT_PROVIDER_RESPONSE_BYTES": "1000000"}
    if reply is _silent:
        limits["MULTIEDIT_PROVIDER_SECONDS"] = "0.5"
    with HostedPeer(reply) as peer, pytest.raises(kind, match=words) as caught:
        edit(peer, PICTURE, environment=limits)
    assert "charged" in caught.value.message
    assert caught.value.__context__ is None  # the library's errors have the request's headers
    assert caught.value.status < 500  # which clients repeat
    assert len(peer.asked) == 1
    assert spent() == pytest.approx(PRICE)


def _closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/api/v1"


def test_a_server_that_is_not_there_has_charged_nothing(edit: Edit, spent: Callable[[], float]) -> None:
    with HostedPeer() as peer, pytest.raises(ServerUnreachable, match=r"cannot be reached\. Nothing"):
        edit(peer, PICTURE, environment={"MULTIEDIT_PROVIDER_URL": _closed_port()})
    assert spent() == 0


def test_a_certificate_that_is_not_trusted_ends_it(edit: Edit, spent: Callable[[], float]) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(CERTIFICATE)
    with HostedPeer(tls=tls) as peer, pytest.raises(ServerUnreachable, match="certificate is not valid"):
        edit(peer, PICTURE)
    assert (peer.asked, spent()) == ([], 0)


def test_no_tls_where_it_is_expected_ends_it(edit: Edit) -> None:
    with HostedPeer() as peer:
        address = peer.url.replace("http://", "https://")
        with pytest.raises(ServerUnreachable, match="TLS"):
            edit(peer, PICTURE, environment={"MULTIEDIT_PROVIDER_URL": address})
    assert peer.asked == []


def test_a_name_that_is_not_found_ends_it(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*arguments: Any, **named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    environment = {"MULTIEDIT_PROVIDER_URL": "https://nowhere.invalid/api/v1"}
    with HostedPeer() as peer, pytest.raises(ServerUnreachable, match="host name was not found"):
        edit(peer, PICTURE, environment=environment)


def test_what_costs_too_much_is_not_sent(edit: Edit, spent: Callable[[], float]) -> None:
    with HostedPeer() as peer:
        with pytest.raises(SpendingLimit, match=r"costs 0\.1 USD; MULTIEDIT_MAX_USD allows 0\.05"):
            edit(peer, PICTURE, environment={"MULTIEDIT_MAX_USD": "0.05"})
        day = {"MULTIEDIT_MAX_USD_PER_DAY": "0.25"}
        edit(peer, PICTURE, environment=day)
        edit(peer, PICTURE, environment=day)
        with pytest.raises(SpendingLimit, match=r"0\.2 USD were spent today .* allows 0\.25"):
            edit(peer, PICTURE, environment=day)
    assert len(peer.asked) == 2
    assert spent() == pytest.approx(0.2)


def test_an_edit_that_nobody_waits_for_closes_the_connection(folders: dict[str, str]) -> None:
    from multiedit.api.backends.local import LocalBackend
    from multiedit.pipelines.safety.settings import SafetySettings
    from multiedit.tests.support.api_server import ApiServer, loader

    with HostedPeer(_silent) as peer:

        def backend(limits: Any, server_limits: Any) -> Any:
            hosting = load_provider(limits, {**folders, **peer.environment})
            safety, adapters = SafetySettings.from_environment({}), hosting.adapters(limits)
            return LocalBackend(limits, hosting.catalog, loader(limits), safety, 1, adapters)

        fields = {"prompt": "p", "modelId": "flux-2-max-edit", "safe_mode": "false"}
        with ApiServer(make_backend=backend) as server, server.client() as client:
            files = [("images", ("a.png", PICTURE))]
            started = client.post(
                "/image/multi-edit", data=fields, files=files, headers={"Prefer": "respond-async"}
            )
            until(lambda: peer.asked)
            client.delete(started.headers["Location"].removeprefix("/api/v1"))
            assert peer.left.wait(30)


def until(happened: Callable[[], object]) -> None:
    for _ in range(1000):
        if happened():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen")
