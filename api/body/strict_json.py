"""Strict JSON: valid UTF-8, no duplicate keys, no NaN, bounded depth and bounded size beside its images."""

from __future__ import annotations

import json
from typing import Any

from ...pipelines.common.errors import InvalidRequest
from ...pipelines.common.json_reader import read_json
from ...pipelines.common.validation import describe
from .long_texts import LongTexts


def parse_json(data: bytes | str, subject: str) -> Any:
    """Parse strict JSON.

    Args:
        subject: the beginning of an error's message.

    Raises:
        InvalidRequest: it is not strict JSON.
    """
    try:
        texts = LongTexts(data.encode() if isinstance(data, str) else data)
    except ValueError as error:
        raise InvalidRequest(f"{subject}: {error}. Send images as files in a form.") from None
    del data  # it may be as large as the texts
    try:
        parsed = read_json(texts.rest.decode(), object_pairs_hook=_unique, parse_constant=_refuse)
        return texts.restore(parsed)
    except UnicodeDecodeError:
        flaw = "it is not valid UTF-8"
    except json.JSONDecodeError as error:
        flaw = error.msg if texts.found else f"{error.msg} at line {error.lineno}, column {error.colno}"
    except _Refused as refused:
        flaw = str(refused)
    except ValueError:  # a number with thousands of digits
        flaw = "a number is too long"
    except RecursionError:
        flaw = "it is nested too deeply"
    raise InvalidRequest(f"{subject}: {flaw}.")


class _Refused(Exception):
    """A fault that Python's JSON parser accepts."""


def _refuse(name: str) -> None:
    raise _Refused(f"{name} is not valid JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise _Refused(f"duplicate key {describe(name)}")
        fields[name] = value
    return fields
