"""JSON that is nested deep, in a process whose own guard is gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.api.access.keys import KeyFile
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.adapters.comfyui.client.connection import ComfyUIConnection
from multiedit.pipelines.adapters.comfyui.client.progress_events import read_preview
from multiedit.pipelines.adapters.provider.model_list import read_list
from multiedit.pipelines.adapters.provider.settings import read_provider_settings, settings_file
from multiedit.pipelines.common.errors import EditFailed, InvalidRequest, ProviderError
from multiedit.pipelines.common.json_reader import DEEPEST, read_json
from multiedit.pipelines.common.settings import ComfyUILimits


@pytest.fixture(autouse=True)
def unguarded() -> Iterator[None]:
    """As other packages leave it."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    yield
    sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        '{"a":' * 200_000,
        '{"a":[' * 60 + "]}" * 60,
        b"[" * 200_000,
        '["a string", ' + "[" * 200_000,
    ],
)
def test_deep_nesting_is_refused_before_it_is_parsed(text: str | bytes) -> None:
    with pytest.raises(RecursionError):
        read_json(text)


@pytest.mark.parametrize(
    "value",
    [
        [[]] * 1000,
        {"prompt": "[" * 5000 + '"{{' + "\\"},
        ["\\" * 301 + '"[', "[" * 300],
        json.loads("[" * DEEPEST + "]" * DEEPEST),
        {"a": [{"b": [1, None, True]}] * 200},
    ],
)
def test_what_is_long_but_not_deep_is_read_as_json_reads_it(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value).encode()):
        assert read_json(text) == value


@pytest.mark.parametrize("text", ["", "[", '"' * 301, '{"a"', "[" * 50 + '"' + "[" * 200, b"\xff\xfe\xfd"])
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_json(text)


DEEP = "[" * 2 * DEEPEST + "]" * 2 * DEEPEST


def _preview() -> object:
    about = f'{{"prompt_id": "job", "image_type": "image/png", "more": {DEEP}}}'.encode()
    return read_preview((4).to_bytes(4, "big") + len(about).to_bytes(4, "big") + about + b"png", "job")


def _comfyui_event() -> object:
    connection = ComfyUIConnection(read_address("http://127.0.0.1:8188"), ComfyUILimits())
    return connection.parse_json(lambda event: event, f'{{"type": "status", "data": {DEEP}}}')


def _keys(folder: Path) -> object:
    (folder / "keys.json").write_text(f'{{"keys": [], "more": {DEEP}}}')
    return KeyFile(folder / "keys.json").keys()


def _provider_file(folder: Path) -> object:
    environment = {"XDG_CONFIG_HOME": str(folder)}
    path = settings_file(environment)
    path.parent.mkdir()
    path.write_text(f'{{"url": "https://h", "key": "k", "models": {DEEP}}}')
    path.chmod(0o600)
    return read_provider_settings(environment)


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (lambda folder: _preview(), RecursionError),
        (lambda folder: _comfyui_event(), EditFailed),
        (_keys, InvalidRequest),
        (_provider_file, InvalidRequest),
        (lambda folder: read_list(f'{{"data": [], "more": {DEEP}}}'.encode()), ProviderError),
    ],
    ids=["a preview's metadata", "ComfyUI's event", "the key file", "provider.json", "the model list"],
)
def test_every_reader_of_foreign_json_refuses_deep_nesting(
    read: Callable[[Path], object], error: type[Exception], tmp_path: Path
) -> None:
    with pytest.raises(error):
        read(tmp_path)
