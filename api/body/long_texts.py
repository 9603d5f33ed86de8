"""Take the long texts out of JSON before it is parsed: images as base64, data URLs or URLs.

What remains is small, whatever the client sends, so that parsing is cheap: Python's parser needs tens of
bytes of memory for each byte of escapes, brackets or keys.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

LEAST = 4096  # bytes of a text that is taken out
MOST_BESIDE = 450_000  # bytes of all else; a prompt of 32768 characters has at most 393216, all escaped
# Printable ASCII but quotes and brackets, which neither base64 nor a URL has.
_PLAIN = bytes(code for code in range(0x20, 0x7F) if chr(code) not in '"[]{}')
# The escapes that serializers write in base64: PHP's slashes, and wrapped lines.
_ESCAPES = {rb"\/": b"/", rb"\n": b"\n", rb"\r": b"\r"}
_END_OF_KEY = re.compile(rb'"[ \t\r\n]*:')


def count_beside(part: bytes) -> int:
    """Bytes of a part of a document that no text which is taken out has: the rest has as many at least."""
    return len(part.translate(None, _PLAIN))


class LongTexts:
    """The long texts of one JSON document; a key is never one of them.

    Args:
        data: the document, UTF-8.

    Attributes:
        rest: the document with a placeholder for each of them, at most `MOST_BESIDE` bytes.

    Raises:
        ValueError: the rest is larger; says by how much.
    """

    def __init__(self, data: bytes) -> None:
        self._mark = f"long-{secrets.token_hex(16)}-"
        self._texts: list[str] = []
        quotes = data.count(b'"')
        if quotes > MOST_BESIDE:
            raise ValueError(f"it has {quotes} quotation marks; the limit is {MOST_BESIDE}")
        self.rest = data if len(data) <= LEAST else b"".join(self._parts(data))
        if len(self.rest) > MOST_BESIDE:
            raise ValueError(f"it has {len(self.rest)} bytes beside its images; the limit is {MOST_BESIDE}")

    @property
    def found(self) -> bool:
        """Whether there are any: then a place in `rest` is not that place in the document."""
        return bool(self._texts)

    def _parts(self, data: bytes) -> list[bytes]:
        parts, kept = [], 0
        opening = data.find(b'"')
        while opening >= 0:
            closing = _closing_quote(data, opening)
            is_taken = closing - opening > LEAST and not _END_OF_KEY.match(data, closing)
            text = _unescape(data[opening + 1 : closing]) if is_taken else None
            if text is not None:
                parts += [data[kept : opening + 1], f"{self._mark}{len(self._texts)}".encode()]
                self._texts.append(text)
                kept = closing
            opening = data.find(b'"', closing + 1)
        return [*parts, data[kept:]]

    def restore(self, value: Any) -> Any:
        """Put the texts back into what was parsed from `rest`."""
        if isinstance(value, str) and value.startswith(self._mark):
            return self._texts[int(value.removeprefix(self._mark))]
        if isinstance(value, list):
            return [self.restore(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self.restore(item) for key, item in value.items()}
        return value


def _closing_quote(data: bytes, opening: int) -> int:
    """The place of the quote that ends a string, or the end of the data."""
    closing = opening
    while (quote := data.find(b'"', closing + 1)) >= 0:
        before = data[closing + 1 : quote]
        closing = quote
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            return closing
    return len(data)


def _unescape(text: bytes) -> str | None:
    """Decode a text without other escapes than those of images; None for any other."""
    if rb"\\" in text or text.translate(None, _PLAIN):
        return None
    for escape, character in _ESCAPES.items():
        text = text.replace(escape, character) if escape in text else text
    return None if b"\\" in text else text.decode("ascii")
