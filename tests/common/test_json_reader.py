"""JSON that is nested deep, in a process whose own guard is gone."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from multiedit.pipelines.common.json_reader import DEEPEST, read_json


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
