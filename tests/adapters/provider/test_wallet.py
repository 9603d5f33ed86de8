"""A wallet signs in: checked by the curve and the hash themselves, not by what made the signature."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from multiedit.pipelines.adapters.provider.wallet import HEADER, Wallet
from multiedit.pipelines.common.errors import ModelUnavailable, PaymentNeeded
from multiedit.tests.support.provider_peer import HostedPeer, png, replying

KEY = "0x" + "1f" * 32
NOW = 1_795_305_600.7
URL = "https://api.venice.ai/api/v1"
Edit = Callable[..., Any]


def opened(header: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(base64.b64decode(header, validate=True))
    return payload


def signer(payload: dict[str, Any]) -> str:
    """Who signed, by EIP-191 written out: the hash of the prefixed text, and the point recovered from it."""
    keys = pytest.importorskip("eth_keys").keys
    keccak = pytest.importorskip("eth_utils").keccak
    text = payload["message"].encode()
    digest = keccak(b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text)
    raw = bytes.fromhex(payload["signature"].removeprefix("0x"))
    assert len(raw) == 65
    assert raw[64] in (27, 28)
    signature = keys.Signature(raw[:64] + bytes([raw[64] - 27]))
    address: str = signature.recover_public_key_from_msg_hash(digest).to_checksum_address()
    return address


def address() -> str:
    keys = pytest.importorskip("eth_keys").keys
    own: str = keys.PrivateKey(bytes.fromhex(KEY[2:])).public_key.to_checksum_address()
    return own


def test_the_message_is_eip_4361s_and_signed_by_the_wallet() -> None:
    payload = opened(Wallet(KEY, URL, now=lambda: NOW, nonce=lambda: "0123456789abcdef").header())
    assert payload["message"].splitlines() == [
        "api.venice.ai wants you to sign in with your Ethereum account:", address(), "",
        "Sign in to Venice API", "", "URI: https://api.venice.ai", "Version: 1", "Chain ID: 8453",
        "Nonce: 0123456789abcdef", "Issued At: 2026-11-22T00:00:00Z", "Expiration Time: 2026-11-22T00:05:00Z",
    ]  # fmt: skip
    assert signer(payload) == payload["address"] == address()
    assert payload["chainId"] == 8453
    issued = datetime(2026, 11, 22, tzinfo=timezone.utc).timestamp()
    assert payload["timestamp"] == issued * 1000


def test_another_text_is_not_signed() -> None:
    payload = opened(Wallet(KEY, URL).header())
    assert signer({**payload, "message": payload["message"].replace("8453", "8454")}) != address()


def test_each_attempt_signs_in_anew_and_sends_no_key(edit: Edit) -> None:
    settings = {"MULTIEDIT_PROVIDER_KEY": "", "MULTIEDIT_PROVIDER_WALLET_KEY": KEY}
    quick = {"MULTIEDIT_PROVIDER_WAIT_SECONDS": "0.01"}
    with HostedPeer(replying({}, 503), replying()) as peer:
        edit(peer, png((300, 240)), environment={**settings, **quick})
    payloads = [opened(asked.headers[HEADER]) for asked in peer.asked]
    assert [signer(payload) for payload in payloads] == [address()] * 2
    assert len({payload["message"].partition("Nonce: ")[2].split()[0] for payload in payloads}) == 2
    for asked in peer.asked:
        assert "Authorization" not in asked.headers
        assert not [name for name in asked.headers if "payment" in name.lower()]
        assert KEY not in str(asked.headers)


def test_a_402_shows_how_to_pay_and_pays_nothing(edit: Edit) -> None:
    settings = {"MULTIEDIT_PROVIDER_KEY": "", "MULTIEDIT_PROVIDER_WALLET_KEY": KEY}
    body = {"error": "Payment required", "topUpInstructions": {"step1": "Call top-up", "minimumAmountUsd": 5}}
    with (
        HostedPeer(replying(body, 402)) as peer,
        pytest.raises(
            PaymentNeeded, match=r"step1: Call top-up .*minimumAmountUsd: 5.* never pays by itself"
        ),
    ):
        edit(peer, png((300, 240)), environment=settings)
    assert len(peer.asked) == 1


def test_without_eth_account_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eth_account", None)
    with pytest.raises(ModelUnavailable, match=r"Install multi-edit\[wallet\]"):
        Wallet(KEY, URL).header()


def test_signing_leaves_the_process_its_guard_against_recursion() -> None:
    program = (
        "import sys; from multiedit.pipelines.adapters.provider.wallet import Wallet\n"
        "before = sys.getrecursionlimit()\n"
        "Wallet('11' * 32, 'https://a.example/api/v1').header()\n"
        "assert 'py_ecc' in sys.modules and sys.getrecursionlimit() == before"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
