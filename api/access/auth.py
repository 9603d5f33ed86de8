"""Authentication: an API key as a Bearer token or, with `MULTIEDIT_AUTH=off`, any caller on this machine.

Until a key is configured, only the list of models is available. With `off`, a connection must come from
this machine, and not from a browser's page of another site: such a page can send requests here, and its
host name may even resolve to 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from aiohttp import web

from ...pipelines.common.errors import InvalidRequest, MultiEditError
from ...pipelines.common.loopback import is_loopback
from ...pipelines.common.settings import read_variable
from ..errors import Unauthorized
from .keys import KeyFile, default_path

Access = Literal["open", "public", "guarded"]
"""open: always; public: once a key is configured; guarded: with a key."""

_logger = logging.getLogger(__name__)
_NO_KEYS = (
    "No API key is configured. Create one with `multiedit keys add NAME`, or set MULTIEDIT_API_KEYS; "
    "MULTIEDIT_AUTH=off allows this machine without a key."
)
# What proxies add: the sender is then another one than the connection's.
_FORWARDED = ("Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP")
_FORWARDED_PREFIX = "x-forwarded-"
ADDRESS = "ip-"  # before the address of a caller without a key
LOCAL_CALLER = "local"
"""The id of a caller without a key, on this machine."""


@dataclass(frozen=True)
class Caller:
    """The sender of a request: a key's id, or its address."""

    id: str


class Guard:
    """Authenticates callers.

    Args:
        plain_keys: the environment's keys, in plain text.
        opened: whether `MULTIEDIT_AUTH` is off.
    """

    def __init__(self, key_file: KeyFile, plain_keys: tuple[str, ...] = (), opened: bool = False) -> None:
        self._file = key_file
        self._digests = {_digest(key): f"env-{number}" for number, key in enumerate(plain_keys, start=1)}
        self.opened = opened

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Guard:
        """Read `MULTIEDIT_API_KEYS` (comma-separated), `MULTIEDIT_KEYS_FILE` and `MULTIEDIT_AUTH`.

        Raises:
            InvalidRequest: `MULTIEDIT_AUTH` is neither on nor off.
        """
        guarded = read_variable("AUTH", True, environment)
        return cls(
            KeyFile(default_path(environment)), read_variable("API_KEYS", (), environment), not guarded
        )

    @property
    def configured(self) -> bool:
        return bool(self._digests or self._file.keys())

    def admit(self, request: web.Request, access: Access) -> Caller:
        """Identify the caller.

        Raises:
            Unauthorized: the route needs a key, and the request has no valid one.
            MultiEditError: the key file cannot be read.
        """
        try:
            return self._admit(request, access)
        except InvalidRequest as error:  # the operator's fault, not the caller's
            _logger.error("%s", error.message)
            raise MultiEditError("The server cannot read its API keys. See its log.") from None

    def _admit(self, request: web.Request, access: Access) -> Caller:
        caller = self._by_key(request) or self._by_address(request)
        if caller is not None:
            return caller
        anonymous = Caller(f"{ADDRESS}{request.remote}")
        if access == "open":
            return anonymous
        if not self.configured:
            raise Unauthorized(_NO_KEYS)
        if access == "public":
            return anonymous
        raise Unauthorized("Authentication failed. Send a valid API key: `Authorization: Bearer KEY`.")

    def _by_key(self, request: web.Request) -> Caller | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            return None
        found = self._file.find(key)
        digest = _digest(key)
        for known, key_id in self._digests.items():  # all of them, so that the time is always the same
            if hmac.compare_digest(known, digest):
                found = key_id
        return Caller(found) if found else None

    def _by_address(self, request: web.Request) -> Caller | None:
        if not self.opened or _is_forwarded(request):
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
        return Caller(LOCAL_CALLER) if local else None


def _is_forwarded(request: web.Request) -> bool:
    names = request.headers.keys()
    return any(name in names for name in _FORWARDED) or any(
        name.lower().startswith(_FORWARDED_PREFIX) for name in names
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
