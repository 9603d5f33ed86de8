"""JSON from outside, refused where it is nested too deep.

Python's parser recurses, and its guard is a limit of the whole process that other packages raise: beyond the
stack that is really there, a few kilobytes of brackets end the process.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 100  # levels; nothing that is read here needs ten
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def read_json(data: str | bytes, **hooks: Any) -> Any:
    """Parse it as `json.loads` does, with its hooks.

    Raises:
        RecursionError: it is nested deeper than `DEEPEST`.
        ValueError: it is not valid JSON.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise RecursionError(f"JSON is nested deeper than {DEEPEST} levels")
    return json.loads(text, **hooks)


def _depth(text: str) -> int:
    """Return how deep the brackets outside of strings are nested, as far as one beyond `DEEPEST`."""
    depth = deepest = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        first = text[token.start()]
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(first, 0)
        deepest = max(deepest, depth)
        if deepest > DEEPEST:
            break
    return deepest
