"""The endpoint that the user has configured, and its key: the only place that reads either.

The variables MULTIEDIT_PROVIDER_URL and MULTIEDIT_PROVIDER_KEY (or MULTIEDIT_PROVIDER_WALLET_KEY), and
optionally MULTIEDIT_PROVIDER_MODELS; without any of them the same as JSON in provider.json of the
configuration folder:
{"url": ..., "key": ..., "wallet_key": ..., "models": [...]}. The two are never mixed, so that a key goes
only to the address beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...common.errors import InvalidRequest
from ...common.json_reader import read_json
from ...common.settings import PROVIDER_PREFIX, read_variable
from ...common.user_folders import user_folder
from ...common.validation import known_fields, shown

_FIELDS = ("url", "key", "wallet_key", "models")
_LONGEST = 2000
_WALLET_KEY = re.compile("(0x)?[0-9a-fA-F]{64}")
_CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141  # SEC 2, secp256k1


@dataclass(frozen=True)
class ProviderSettings:
    """An endpoint and what opens it; as text it has neither key.

    Attributes:
        url: of the API, without a slash at the end: https://HOST/api/v1.
        key: sent as Bearer; "" where a wallet signs in.
        wallet_key: a private key of 32 bytes in hexadecimal; "" where there is a `key`.
        models: ids that the user named; empty for every closed model.
    """

    url: str
    key: str = field(default="", repr=False)
    wallet_key: str = field(default="", repr=False)
    models: tuple[str, ...] = ()

    def mask_secrets(self, text: str) -> str:
        """A text of the endpoint's, without the keys that it may repeat."""
        for secret in filter(None, (self.key, self.wallet_key)):
            text = text.replace(secret, "***")
        return text


def read_provider_settings(environment: Mapping[str, str] = os.environ) -> ProviderSettings | None:
    """The configured endpoint, None where there is none.

    Raises:
        InvalidRequest: it is configured in part, or not as it can be. No message repeats a value.
    """
    given: dict[str, Any] = {
        name: read_variable(f"PROVIDER_{name}", "", environment) for name in ("url", "key", "wallet_key")
    }
    given["models"] = [*read_variable("PROVIDER_MODELS", (), environment)]
    if any(given.values()):
        return _provider(given, {name: PROVIDER_PREFIX + name.upper() for name in _FIELDS})
    path = settings_file(environment)
    names = {name: f"{name} in {shown(path)}" for name in _FIELDS}
    return _provider(_read(path), names) if os.path.exists(path) else None


def settings_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Return where the settings may lie."""
    return user_folder("config", environment) / "provider.json"


def _read(path: Path) -> Mapping[str, Any]:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise InvalidRequest(f"{shown(path)} holds a key, and others can read it. Run chmod 600 on it.")
    try:
        return known_fields(read_json(path.read_bytes()), "", _FIELDS)
    except (OSError, ValueError, RecursionError, InvalidRequest):
        raise InvalidRequest(
            f"{shown(path)} cannot be read as a JSON object of {', '.join(_FIELDS)}. Correct it, or "
            "remove it."
        ) from None


def _provider(given: Mapping[str, Any], names: Mapping[str, str]) -> ProviderSettings:
    """Check what was given; `names` is what messages call each value."""
    url, key, wallet_key = (given.get(name, "") for name in ("url", "key", "wallet_key"))
    models = given.get("models", [])
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        raise InvalidRequest(f"{names['models']} is not a list of model ids. Correct it.")
    if not url or bool(key) == bool(wallet_key):
        raise InvalidRequest(
            f"A provider needs {names['url']}, and either {names['key']} or {names['wallet_key']}. "
            "Set all of them, or none."
        )
    if not (_is_key(key) if key else _is_wallet_key(wallet_key)):
        raise InvalidRequest(
            f"{names['key'] if key else names['wallet_key']} is not a valid key: it must be visible ASCII "
            f"characters{'' if key else ', 64 hexadecimal digits'}. Copy it again."
        )
    return ProviderSettings(_checked(url, names["url"]), key, wallet_key, tuple(models))


def _is_key(key: object) -> bool:
    return isinstance(key, str) and len(key) <= _LONGEST and bool(re.fullmatch("[!-~]+", key))


def _is_wallet_key(key: object) -> bool:
    return isinstance(key, str) and bool(_WALLET_KEY.fullmatch(key)) and 0 < int(key, 16) < _CURVE_ORDER


def _checked(url: object, name: str) -> str:
    example = "Write it as https://HOST/api/v1"
    try:
        parts = urlsplit(url if isinstance(url, str) and len(url) <= _LONGEST else "")
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")  # or the resolver fails on it later
    except ValueError:
        raise InvalidRequest(f"{name} is not a valid address. {example}.") from None
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise InvalidRequest(f"{name} is not an http or https address without a user name. {example}.")
    if parts.query or parts.fragment:
        raise InvalidRequest(f"{name} has a query or a fragment (? or #). {example}.")
    if parts.scheme == "http" and not _is_near(host):
        raise InvalidRequest(
            f"{name} begins with http://, which would show the key to everybody on the way. {example}; http "
            "is for localhost and addresses of private networks."
        )
    return str(url).rstrip("/")


def _is_near(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_private or address.is_loopback
