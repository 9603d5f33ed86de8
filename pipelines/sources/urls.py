"""The form of a URL that may be fetched, before any name is resolved.

http and https only, on port 80, 443 or from 1024 up: below lie mail, file sharing and other protocols
that an HTTP request could be smuggled into.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from yarl import URL  # aiohttp's own parser: what is judged here is what it connects to

from ..common.errors import FetchFailed, FetchRefused
from .addresses import IPAddress

MAX_URL_CHARACTERS = 8192  # signed URLs have up to 2,000; servers refuse a request line of about this
_HOST = re.compile(r"[a-z0-9_.-]{1,253}")
# A host whose last label is a number is an IPv4 address (URL Standard, section 3.5): for inet_aton,
# 2130706433, 017700000001, 0x7f.1 and 127.1 are all 127.0.0.1.
_NUMERIC_HOST = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_ADVICE = "Correct it, or send the image itself."


class Target(NamedTuple):
    """A URL that may be fetched if its addresses may: `literal` is its host where that is an address."""

    url: URL
    host: str
    port: int
    literal: IPAddress | None


def first_target(text: str, name: str) -> Target:
    """The target of a URL as a caller wrote it.

    Raises:
        FetchRefused: it is not one that is fetched.
    """
    return _target(_parse(text, f"{name}: the URL"), f"{name}: the URL")


def next_target(origin: URL, location: str | None, subject: str) -> Target:
    """The target of a redirect, relative to where it came from.

    Raises:
        FetchRefused: it is not one that is fetched, or would leave TLS.
        FetchFailed: the server does not say where to.
    """
    if not location:
        raise FetchFailed(f"{subject}: the server redirects without saying where to. {_ADVICE}")
    what = f"{subject}: the URL that the server redirects to"
    url = origin.join(_parse(location, what))
    if origin.scheme == "https" and url.scheme == "http":
        raise FetchRefused(f"{what} is http, after https. Give a URL that stays on https.")
    return _target(url, what)


def _parse(text: str, what: str) -> URL:
    if len(text) > MAX_URL_CHARACTERS:
        raise FetchRefused(
            f"{what} has {len(text)} characters; the limit is {MAX_URL_CHARACTERS}. Send the image itself."
        )
    try:
        return URL(text.strip())
    except ValueError:  # its text may repeat the query
        raise FetchRefused(f"{what} is not valid. {_ADVICE}") from None


def _target(url: URL, what: str) -> Target:
    if url.scheme not in ("http", "https"):
        raise FetchRefused(f"{what} is not http or https. {_ADVICE}")
    try:  # yarl takes the authority apart only now
        host, port = url.raw_host or "", url.port or 0
    except ValueError:
        raise FetchRefused(f"{what} is not valid. {_ADVICE}") from None
    if url.raw_user is not None or url.raw_password is not None:
        raise FetchRefused(f"{what} carries a user name or password, which are not sent. Take them out.")
    if port not in (80, 443) and port < 1024:
        raise FetchRefused(f"{what} names port {port}; 80, 443 and those from 1024 up are taken. {_ADVICE}")
    return Target(url, host, port, _literal(host, what))


def _literal(host: str, what: str) -> IPAddress | None:
    """The address that a host is, or None for a name."""
    try:
        if ":" in host:
            return IPv6Address(host)
        if _NUMERIC_HOST.fullmatch(host):
            return IPv4Address(host)
    except ValueError:
        raise FetchRefused(
            f"{what} gives its host as a number that is not a plain IP address. "
            "Write four decimal numbers, such as 198.51.100.7, or the host's name."
        ) from None
    if not _HOST.fullmatch(host):
        raise FetchRefused(f"{what} has no valid host name. {_ADVICE}")
    return None
