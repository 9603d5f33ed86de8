"""The address of a ComfyUI, as its user writes it: `https://name:password@host:8188/prefix`."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import quote

from yarl import URL  # aiohttp's own parser: what is read here is what it connects to

from ....common.errors import InvalidRequest

_EXAMPLE = "http://127.0.0.1:8188"
_LONGEST = 2000
_SCHEMES = ("http://", "https://")


@dataclass(frozen=True)
class Address:
    """The address of one ComfyUI; as text it has no name and no password.

    Attributes:
        base: without name and password, and without a slash at the end.
        login: `name:password` for HTTP basic authentication, which ComfyUI itself has not, but a proxy
            before it may have; "" for none.
    """

    base: URL
    login: str = field(default="", repr=False)

    def __str__(self) -> str:
        return str(self.base).rstrip("/")

    def at(self, *path: str) -> URL:
        """The address of something below, by the parts of its path: `at("history", job)`."""
        return self.base.joinpath(*(quote(part, safe="") for part in path), encoded=True)

    @property
    def headers(self) -> dict[str, str]:
        """Return what every request has to carry."""
        if not self.login:
            return {}
        return {"Authorization": f"Basic {b64encode(self.login.encode()).decode()}"}


def read_address(text: str) -> Address:
    """Read an address.

    Raises:
        InvalidRequest: it is no http or https address of a server. The message does not repeat it, since
            it may hold a password.
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        raise _refusal(f"has {len(stripped)} characters; the limit is {_LONGEST}")
    if not stripped.lower().startswith(_SCHEMES):
        raise _refusal("does not begin with http:// or https://")
    try:
        url = URL(stripped)
        host, port = url.raw_host, url.port  # yarl takes the authority apart only now
    except ValueError:
        raise _refusal("is not valid") from None
    if not host or not port:
        raise _refusal("names no host, or no valid port")
    if url.raw_query_string or url.raw_fragment:
        raise _refusal("has a query or a fragment (? or #), which a server's address does not have")
    name, password = url.user or "", url.password or ""
    if ":" in name:
        raise _refusal("has a name with a colon, which HTTP cannot send")
    login = f"{name}:{password}" if name or password else ""
    return Address(url.with_user(None).with_path(url.raw_path.rstrip("/"), encoded=True), login)


def _refusal(problem: str) -> InvalidRequest:
    return InvalidRequest(f"The address of ComfyUI {problem}. Write it as {_EXAMPLE}.")
