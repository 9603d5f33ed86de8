"""The source of an image as the user of this machine names it, on the command line or in a document.

A path, a file URL, an http or https URL or a data URL. Never for what came over a network, which could name
any file: the HTTP API makes a `TextSource` of all text, and that refuses paths and file URLs.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

from ..common.errors import FetchRefused
from .source import FileSource, ImageSource, TextSource
from .text import is_data_url, is_url

_FILE_URL = re.compile(r"file:(?://([^/\\]*))?(.*)", re.IGNORECASE | re.DOTALL)
# Two letters at least: C:// is a drive. A colon alone may stand in a file's name.
_OTHER_SCHEME = re.compile(r"(blob:|[a-z][a-z0-9+.-]{1,20}://)", re.IGNORECASE)
_DRIVE = re.compile(r"/([A-Za-z])[:|](?=[/\\]|$)")
_ADVICE = "Give a path, a file:///, http or https URL, or a data URL."


def local_source(text: str, name: str, folder: str = "", *, windows: bool = os.name == "nt") -> ImageSource:
    """The source of an image, called `name` in messages.

    Args:
        folder: what a relative path is relative to.
        windows: whether a path may begin with a drive.

    Raises:
        FetchRefused: it is a URL of another scheme, or a file URL of another machine.
    """
    if is_url(text) or is_data_url(text):
        return TextSource(text)
    if _FILE_URL.match(text):
        return FileSource(_path_of(text, name, windows))
    if other := _OTHER_SCHEME.match(text):
        raise FetchRefused(f"{name} is a URL of the scheme {other[1].rstrip(':/')}:. {_ADVICE}")
    return FileSource(Path(folder, text))


def _path_of(url: str, name: str, windows: bool) -> str:
    """The path of a file URL (RFC 8089): percent-decoded, and all of it, with any # and ?."""
    host, path = _FILE_URL.fullmatch(url).groups("")  # type: ignore[union-attr]  # it has matched
    if host.lower() not in ("", "localhost") or not path.startswith("/"):
        raise FetchRefused(
            f"{name} is a file URL without an absolute path on this machine. Write it as file:///PATH."
        )
    decoded = os.fsdecode(unquote_to_bytes(path.encode("utf-8", "surrogateescape")))
    return _DRIVE.sub(r"\1:", decoded, count=1) if windows else decoded
