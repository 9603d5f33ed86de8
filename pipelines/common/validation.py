"""Check JSON values; every error names the field, the value and what is allowed.

JSON's own types are kept apart: true is not a number, 1.0 not a whole number, null not a value. Python's
reader lets NaN and Infinity through; they are refused here.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from .errors import InvalidRequest

_LONGEST_SHOWN = 60
_LONGEST_PATH = 80


def describe(value: object) -> str:
    """A value as a message shows it: short, printable, whatever it is."""
    if isinstance(value, str):
        cut = value[:_LONGEST_SHOWN]
        return ascii(cut) + (f"... ({len(value)} characters)" if cut != value else "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, (int, float)):
        return repr(value)
    kinds: dict[type, str] = {type(None): "null", list: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)


def shown(text: object) -> str:
    """A path or the like as a message shows it: without quotes, printable, the middle of a long one left out.

    No message repeats more than 80 characters of what was given. Values have quotes, see `describe`.
    """
    whole = str(text)
    if len(whole) > _LONGEST_PATH:
        half = (_LONGEST_PATH - len("...")) // 2
        whole = f"{whole[:half]}...{whole[-half:]}"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in whole)


def invalid_value(path: str, value: object, allowed: str) -> InvalidRequest:
    """The error for a value that is not what `path` takes; `allowed` completes "it must be ..."."""
    return InvalidRequest(f"{path} is {describe(value)}; it must be {allowed}.", field=path)


def text(value: object, path: str, *, longest: int, setting: str = "") -> str:
    """A string of 1 to `longest` characters that can be written as UTF-8; `setting` names what sets those."""
    if not isinstance(value, str) or not value:
        raise invalid_value(path, value, f"text of 1 to {longest} characters")
    if len(value) > longest:
        source = f" {setting} sets the limit." if setting else ""
        raise InvalidRequest(
            f"{path} has {len(value)} characters; the limit is {longest}. Shorten it.{source}", field=path
        )
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise invalid_value(path, value, "text without lone surrogates (half an escaped character)")
    return value


def choice(value: object, path: str, *, options: Collection[str]) -> str:
    if not isinstance(value, str) or value not in options:
        raise invalid_value(path, value, f"one of {', '.join(options)}")
    return value


def boolean(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise invalid_value(path, value, "true or false")
    return value


def integer(value: object, path: str, *, low: int, high: int, setting: str = "") -> int:
    """A whole number; `setting` names what sets the highest."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        source = f", which {setting} sets" if setting else ""
        raise invalid_value(path, value, f"a whole number from {low} to {high}{source}")
    return value


def number(value: object, path: str, *, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise invalid_value(path, value, f"a number from {low:g} to {high:g}")
    return float(value)


def mapping(value: object, path: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise invalid_value(path, value, "an object")
    return value


def known_fields(value: object, path: str, known: Collection[str]) -> Mapping[str, object]:
    """An object with no field but the known ones; `path` is "" for the request itself.

    Raises:
        InvalidRequest: it is not an object, or has an unknown field; the message names the nearest known one.
    """
    fields = mapping(value, path or "the request")
    for name in fields:
        if name not in known:
            asked = str(name)[:_LONGEST_SHOWN]
            nearest = difflib.get_close_matches(asked, known, n=1, cutoff=0.6)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise InvalidRequest(
                f"Unknown field {describe(name)} in {path or 'the request'}.{hint} "
                f"Known: {', '.join(known)}.",
                field=join_path(path, ascii(asked)[1:-1]),
            )
    return fields


def join_path(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
