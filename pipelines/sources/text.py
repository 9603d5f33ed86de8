"""Images as text: telling URLs, data URLs and base64 apart, and decoding the last two.

A string of `images` is a URL if it begins with http: or https:, a data URL if it begins with
data:, else base64. Whether the bytes are an image, and of which format, is the header probe's to say; a
data URL's MIME type is ignored, because callers write image/png whatever they send.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote_to_bytes

from ..common.errors import FetchRefused, InvalidImage
from ..common.settings import Limits
from ..common.validation import shown
from .bounds import check_size

_TAKEN = "An image as text is an http or https URL, a data URL or base64"
_URL = re.compile(r"\s*https?:", re.IGNORECASE)
_DATA_URL = re.compile(r"\s*data:", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{1,20}):", re.IGNORECASE)
_FILE_NAME = re.compile(
    r".{0,4096}\.(png|apng|jpe?g|jfif|webp|avif|hei[cf]|gif|bmp|tiff?|svg)", re.IGNORECASE
)
_WHITESPACE = " \t\r\n\f\v"
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/_\- \t\r\n\f\v]")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_MAX_DATA_URL_HEAD = 1024  # characters up to the comma
# `data:image/png:base64,` and `data:base64,` are seen in the wild and can mean nothing else.
_BASE64_MARK = re.compile(r"[;:]\s*base64\s*", re.IGNORECASE)
# An escape is never cut in two, since it is tried first.
_BLOCK = re.compile(rb"(?:%[0-9A-Fa-f]{2}|[\x00-\xff]){1,4096}")


def is_url(text: str) -> bool:
    """Return whether the text has to be fetched over http or https."""
    return _URL.match(text) is not None


def is_data_url(text: str) -> bool:
    """Return whether the text is a data URL, valid or not."""
    return _DATA_URL.match(text) is not None


def decode_text(text: str, limits: Limits, name: str) -> bytes:
    """The bytes of a data URL or of base64 (standard or URL-safe, padded or not, wrapped or not).

    Raises:
        InvalidImage: it is neither; the message never repeats more than the beginning of the text.
        FetchRefused: it is a URL of a scheme that is not fetched.
        FileTooLarge: it decodes to `limits.max_file_bytes` or more; found out before decoding.
    """
    text = text.strip(_WHITESPACE)
    scheme = _SCHEME.match(text)
    if scheme is None:
        if _FILE_NAME.fullmatch(text):
            raise InvalidImage(f"{name} looks like a file name ({shown(text)}). {_TAKEN}.")
        return _decode_base64(text, limits, name)
    if scheme[1].lower() == "data":
        return _decode_data_url(text, limits, name)
    raise FetchRefused(f"{name} is a URL of the scheme {scheme[1]}:, which is not fetched. {_TAKEN}.")


def _decode_data_url(text: str, limits: Limits, name: str) -> bytes:
    comma = text.find(",", 0, _MAX_DATA_URL_HEAD)
    if comma < 0:
        raise InvalidImage(
            f"{name} is a data URL without a comma in its first {_MAX_DATA_URL_HEAD} characters. "
            "Write it as data:image/png;base64,DATA."
        )
    body = text[comma + 1 :]
    if _BASE64_MARK.search(text, 0, comma) is None:
        check_size(len(body) - 2 * body.count("%"), limits, name, at_least=True)
        data = _percent_decode(body)
        check_size(len(data), limits, name)
        return data
    if "%" in body:
        body = _percent_decode(body).decode("latin-1")
    return _decode_base64(body, limits, name)


def _percent_decode(text: str) -> bytes:
    """RFC 3986 escapes to bytes, block by block: unquote alone takes over 200 bytes an escape."""
    data = text.encode("utf-8", "surrogatepass")
    return b"".join(unquote_to_bytes(block[0]) for block in _BLOCK.finditer(data))


def _decode_base64(text: str, limits: Limits, name: str) -> bytes:
    characters = len(text) - sum(text.count(character) for character in _WHITESPACE + "=")
    check_size(characters * 3 // 4, limits, name)
    try:
        body = text.encode("ascii").translate(_URL_SAFE, _WHITESPACE.encode()).rstrip(b"=")
        return base64.b64decode(body + b"=" * (-len(body) % 4), validate=True)
    except ValueError:  # not ASCII, or binascii's own
        raise InvalidImage(f"{name} is not valid base64: {_flaw(text)}. {_TAKEN}.") from None


def _flaw(text: str) -> str:
    """Return what makes the text no base64; only for text that has been refused."""
    odd = _NOT_BASE64.search(text.rstrip(_WHITESPACE + "="))
    if odd is None:
        return f"its length ({len(text)} characters) is one that base64 never has, so it is truncated"
    if odd[0] == "=":
        return "it has padding (=) before its end, so it is more than one image or truncated"
    return f"it has the character {odd[0]!a}, which base64 does not have"
