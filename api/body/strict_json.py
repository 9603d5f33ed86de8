"""JSON as it is taken here: valid UTF-8, no key twice, no NaN, not too deep."""

from __future__ import annotations

import json
from typing import Any

from ...pipelines.common.errors import InvalidRequest
from ...pipelines.common.json_reader import read_json
from ...pipelines.common.validation import describe


def parse_json(data: bytes | str, subject: str) -> Any:
    """Parse it.

    Args:
        subject: what a message begins with.

    Raises:
        InvalidRequest: it is not what is taken.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        del data  # it may be as large as the text
        return read_json(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except UnicodeDecodeError:
        flaw = "it is not valid UTF-8"
    except json.JSONDecodeError as error:
        flaw = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except _Refused as refused:
        flaw = str(refused)
    except ValueError:  # a number of thousands of digits
        flaw = "it has a number that is too long"
    except RecursionError:
        flaw = "it is nested too deep"
    raise InvalidRequest(f"{subject}: {flaw}.")


class _Refused(Exception):
    """What JSON itself, or Python's reading of it, lets through."""


def _refuse(name: str) -> None:
    raise _Refused(f"{name} is no JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name in fields:
            raise _Refused(f"it has the key {describe(name)} twice")
        fields[name] = value
    return fields
