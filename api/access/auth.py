"""Who may use the API: a Bearer key, or, where `MULTIEDIT_AUTH=off` says so, anybody on this machine.

Without a key nothing but the list of models answers. Opened, it answers only connections from this
machine that a browser did not make for a page of another site: such a page may send requests here, and
its name may even be made to resolve to 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web

from ...pipelines.common.errors import InvalidRequest, MultiEditError
from ..errors import Unauthorized
from .keys import KeyFile, default_path

Access = Literal["open", "public", "guarded"]
"""open: always; public: once a key is configured; guarded: with a key."""

_logger = logging.getLogger(__name__)
_OFF = "off"
_NO_KEYS = (
    "This server has no API key yet, so it is closed. Make one with `multiedit keys add NAME`, or set "
    "MULTIEDIT_API_KEYS; MULTIEDIT_AUTH=off opens it to this machine alone."
)
_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
_LOCAL_NAME = "localhost"


@dataclass(frozen=True)
class Caller:
    """Who asks: a key's id, or where from."""

    id: str


class Guard:
    """Lets callers in.

    Args:
        plain_keys: of the environment, as they are sent.
        opened: `MULTIEDIT_AUTH` is off.
    """

    def __init__(self, key_file: KeyFile, plain_keys: tuple[str, ...] = (), opened: bool = False) -> None:
        self._file = key_file
        self._digests = {_digest(key): f"env-{number}" for number, key in enumerate(plain_keys, start=1)}
        self._opened = opened

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Guard:
        """`MULTIEDIT_API_KEYS` (with commas between), `MULTIEDIT_KEYS_FILE` and `MULTIEDIT_AUTH`.

        Raises:
            InvalidRequest: `MULTIEDIT_AUTH` is neither on nor off.
        """
        mode = environment.get("MULTIEDIT_AUTH", "on").strip().lower()
        if mode not in ("on", _OFF):
            raise InvalidRequest(f"MULTIEDIT_AUTH is {mode!a}; it must be on or off.")
        plain = (key.strip() for key in environment.get("MULTIEDIT_API_KEYS", "").split(","))
        return cls(KeyFile(default_path(environment)), tuple(filter(None, plain)), mode == _OFF)

    @property
    def opened(self) -> bool:
        return self._opened

    @property
    def configured(self) -> bool:
        return bool(self._digests or self._file.keys())

    def admit(self, request: web.Request, access: Access) -> Caller:
        """Say who asks.

        Raises:
            Unauthorized: the route needs a key, and there is none that is known.
            MultiEditError: the file of keys cannot be read.
        """
        try:
            return self._admit(request, access)
        except InvalidRequest as error:  # of the operator, not of the caller
            _logger.error("%s", error.message)
            raise MultiEditError("The server cannot read its keys. Its log says why.") from None

    def _admit(self, request: web.Request, access: Access) -> Caller:
        caller = self._by_key(request) or self._by_place(request)
        if caller is not None:
            return caller
        nobody = Caller(f"ip-{request.remote}")
        if access == "open":
            return nobody
        if not self.configured:
            raise Unauthorized(_NO_KEYS)
        if access == "public":
            return nobody
        raise Unauthorized("Authentication failed. Send a known key: `Authorization: Bearer KEY`.")

    def _by_key(self, request: web.Request) -> Caller | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            return None
        found = self._file.find(key)
        digest = _digest(key)
        for known, key_id in self._digests.items():  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = key_id
        return Caller(found) if found else None

    def _by_place(self, request: web.Request) -> Caller | None:
        if not self._opened or any(name in request.headers for name in _FORWARDED):
            return None
        peer = request.transport.get_extra_info("peername") if request.transport else None
        origin = request.headers.get("Origin")
        local = (
            peer is not None
            and is_loopback(str(peer[0]))
            and is_loopback(_host(f"//{request.host}"))
            and (origin is None or is_loopback(_host(origin)))
            and request.headers.get("Sec-Fetch-Site") != "cross-site"
        )
        return Caller("local") if local else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine and nothing else."""
    if host.rstrip(".").lower() == _LOCAL_NAME:
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
