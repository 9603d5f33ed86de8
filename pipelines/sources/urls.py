"""The form of a URL that may be fetched, before any name is resolved.

http and https only, on port 80, 443 or from 1024 up: below lie mail, file sharing and other protocols
that an HTTP request could be smuggled into.

A server is asked for path and query byte for byte as they were given, since signatures cover them. Only what
a request line cannot carry is escaped: spaces, and characters outside of ASCII as UTF-8. What is
connected to is built of the host and port that were judged, so no second reading of the text can differ.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import quote

from yarl import URL

from ..common.errors import FetchFailed, FetchRefused
from .addresses import IPAddress

MAX_URL_CHARACTERS = 8192  # signed URLs have up to 2,000; servers refuse a request line of about this
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_ABSOLUTE = re.compile(r"(https?):(?://([^/?#]*)([^#]*))?.*", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(?::[0-9]*)?")
_RELATIVE = re.compile(r"([^?#]*)(\?[^#]*)?(?:#.*)?")
# A header's bytes that are no UTF-8 come as surrogates from \udc80 on.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f\ud800-\udc7f\udd00-\udfff]")
_UNSENDABLE = re.compile(r"[^!-~]+")
# No label is empty; one dot at the end, of the root, is none.
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
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
    what = f"{name}: the URL"
    return _absolute(_checked(text, what), what)


def next_target(origin: URL, location: str | None, subject: str) -> Target:
    """The target of a redirect, relative to where it came from.

    Raises:
        FetchRefused: it is not one that is fetched, or would leave TLS.
        FetchFailed: the server does not say where to.
    """
    if not location:
        raise FetchFailed(f"{subject}: the server redirects without saying where to. {_ADVICE}")
    what = f"{subject}: the URL that the server redirects to"
    target = _absolute(_resolved(origin, _checked(location, what)), what)
    if origin.scheme == "https" and target.url.scheme == "http":
        raise FetchRefused(f"{what} is http, after https. Give a URL that stays on https.")
    return target


def _checked(text: str, what: str) -> str:
    if len(text) > MAX_URL_CHARACTERS:
        raise FetchRefused(
            f"{what} has {len(text)} characters; the limit is {MAX_URL_CHARACTERS}. Send the image itself."
        )
    stripped = text.strip()
    if _FORBIDDEN.search(stripped):
        raise FetchRefused(f"{what} is not valid. {_ADVICE}")
    return stripped


def _resolved(origin: URL, reference: str) -> str:
    """The absolute form of a reference (RFC 3986, section 5.2); only a merged path loses its dot segments."""
    if _SCHEME.match(reference):
        return reference
    if reference.startswith("//"):
        return f"{origin.scheme}:{reference}"
    path, query = _RELATIVE.fullmatch(reference).groups("")  # type: ignore[union-attr]  # it takes any text
    own_path, mark, own_query = origin.raw_path_qs.partition("?")
    if not path:
        path, query = own_path, query or mark + own_query
    elif not path.startswith("/"):
        path = _without_dots(own_path[: own_path.rindex("/") + 1] + path)
    return f"{origin.scheme}://{origin.raw_authority}{path}{query}"


def _without_dots(path: str) -> str:
    """An absolute path without its dot segments (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    folder = segments[-1] in (".", "..")
    return "/" + "/".join([*kept, ""] if folder else kept)


def _absolute(text: str, what: str) -> Target:
    parts = _ABSOLUTE.fullmatch(text)
    if parts is None:
        raise FetchRefused(f"{what} is not http or https. {_ADVICE}")
    scheme, authority, target = parts[1].lower(), parts[2] or "", parts[3] or ""
    if "@" in authority:
        raise FetchRefused(f"{what} carries a user name or password, which are not sent. Take them out.")
    host, port = _host_and_port(scheme, authority, what)
    if port not in (80, 443) and port < 1024:
        raise FetchRefused(f"{what} names port {port}; 80, 443 and those from 1024 up are taken. {_ADVICE}")
    literal = _literal(host, what)
    return Target(_as_given(scheme, host, port, target), host, port, literal)


def _host_and_port(scheme: str, authority: str, what: str) -> tuple[str, int]:
    """The host in lower case and in Punycode, and the port."""
    try:
        if not _AUTHORITY.fullmatch(authority):
            raise ValueError
        url = URL(f"{scheme}://{authority}/")
        host, port = url.raw_host or "", url.port or 0
        if ":" in host:
            IPv6Address(host)
    except ValueError:  # its text may repeat the URL
        raise FetchRefused(f"{what} is not valid. {_ADVICE}") from None
    return host, port


def _as_given(scheme: str, host: str, port: int, target: str) -> URL:
    """The URL of a judged host and port whose path and query are sent as they stand."""
    target = _UNSENDABLE.sub(_escape, target if target.startswith("/") else f"/{target}")
    path, _, query = target.partition("?")
    return URL.build(
        scheme=scheme,
        host=f"[{host}]" if ":" in host else host,
        port=port,
        path=path if query else target,  # yarl drops a "?" before an empty query
        query_string=query,
        encoded=True,
    )


def _escape(characters: re.Match[str]) -> str:
    return quote(characters[0].encode("utf-8", "surrogateescape"))


def _literal(host: str, what: str) -> IPAddress | None:
    """The address that a host is, or None for a name."""
    if ":" in host:
        return IPv6Address(host)
    try:
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
