"""Which endpoint is configured: by variables or by a file, whole or not at all; no message has a key."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.provider.settings import (
    ProviderSettings,
    read_provider_settings,
    settings_file,
)
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.tests.support.provider_peer import KEY

URL = "https://api.example/api/v1"
WALLET_KEY = "0x" + "1f" * 32


def configured(environment: dict[str, str], **variables: str) -> ProviderSettings | None:
    named = {f"MULTIEDIT_PROVIDER_{name.upper()}": value for name, value in variables.items()}
    return read_provider_settings({**environment, **named})


def write(environment: dict[str, str], content: Any, mode: int = 0o600) -> Path:
    path = settings_file(environment)
    path.parent.mkdir(parents=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def test_nothing_is_configured_by_itself(folders: dict[str, str]) -> None:
    assert configured(folders) is None
    assert configured(folders, url=" ", key="") is None


def test_variables_and_the_file_say_the_same(folders: dict[str, str]) -> None:
    whole = ProviderSettings(URL, KEY, "", ("qwen-edit", "flux-2-max-edit"))
    assert configured(folders, url=URL + "/", key=KEY, models="qwen-edit, flux-2-max-edit") == whole
    write(folders, {"url": URL, "key": KEY, "models": ["qwen-edit", "flux-2-max-edit"]})
    assert configured(folders) == whole


def test_a_key_of_the_file_goes_to_no_address_of_the_environment(folders: dict[str, str]) -> None:
    write(folders, {"url": URL, "key": KEY})
    with pytest.raises(InvalidRequest, match="needs MULTIEDIT_PROVIDER_URL, and either"):
        configured(folders, url="https://other.example/api/v1")


def test_a_provider_shows_no_key() -> None:
    assert KEY not in repr(ProviderSettings(URL, KEY))
    assert WALLET_KEY not in repr(ProviderSettings(URL, "", WALLET_KEY))


@pytest.mark.skipif(os.name != "posix", reason="needs files of POSIX")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_file_that_others_can_read_is_refused(mode: int, folders: dict[str, str]) -> None:
    write(folders, {"url": URL, "key": KEY}, mode)
    with pytest.raises(InvalidRequest, match=r"others can read it\. Run chmod 600"):
        configured(folders)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", {"url": URL, "key": KEY, "modles": []}, {"url": URL, "key": KEY, "models": "a"}],
)
def test_a_file_that_is_not_one_is_refused(content: Any, folders: dict[str, str]) -> None:
    write(folders, content)
    with pytest.raises(InvalidRequest, match="Correct it") as caught:
        configured(folders)
    assert KEY not in caught.value.message


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"url": URL}, "either MULTIEDIT_PROVIDER_KEY or MULTIEDIT_PROVIDER_WALLET_KEY"),
        ({"key": KEY}, "needs MULTIEDIT_PROVIDER_URL"),
        ({"url": URL, "key": KEY, "wallet_key": WALLET_KEY}, "either"),
        ({"url": URL, "key": f"{KEY}\nHost: x"}, "PROVIDER_KEY is not a valid key"),
        ({"url": URL, "key": KEY + "\u00e9"}, "PROVIDER_KEY is not a valid key"),
        ({"url": URL, "wallet_key": KEY}, "PROVIDER_WALLET_KEY is not a valid key"),
        ({"url": URL, "wallet_key": "0" * 64}, "PROVIDER_WALLET_KEY is not a valid key"),
        ({"url": URL, "wallet_key": "0x" + "f" * 64}, "PROVIDER_WALLET_KEY is not a valid key"),
        ({"url": "https://a..example/", "key": KEY}, "is not a valid address"),
        ({"url": f"https://{'a' * 64}.example/", "key": KEY}, "is not a valid address"),
        ({"url": "ftp://h/", "key": KEY}, "not an http or https address"),
        ({"url": "api.example", "key": KEY}, "not an http or https address"),
        ({"url": "https://me:word@h/", "key": KEY}, "without a user name"),
        ({"url": "https://h:99999/", "key": KEY}, "is not a valid address"),
        ({"url": "https://h/?a=1", "key": KEY}, "has a query"),
        ({"url": "https://h/" + "a" * 3000, "key": KEY}, "not an http or https address"),
        ({"url": "http://api.example/api/v1", "key": KEY}, "would show the key"),
        ({"url": "http://8.8.8.8/api/v1", "key": KEY}, "would show the key"),
    ],
)
def test_what_cannot_be_is_refused_without_repeating_it(
    variables: dict[str, str], words: str, folders: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        configured(folders, **variables)
    for secret in (KEY, WALLET_KEY, "word@"):
        assert secret not in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost", "10.0.0.5:8787", "[::1]:8787"])
def test_plain_http_is_for_near_servers(host: str, folders: dict[str, str]) -> None:
    assert configured(folders, url=f"http://{host}/api/v1", key=KEY) is not None
