"""HTTP with one ComfyUI: bounded responses, and errors that say which server, what is wrong and what to do.

The address is the user's own choice, so addresses of private networks are as good as any; that is why
nothing here may be given an address that came with a request.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, TypeVar

import aiohttp

from ....common.errors import EditFailed, ServerUnreachable
from ....common.http_reading import TRANSPORT_ERRORS, failure_reason, read_body
from ....common.json_reader import read_json
from ....common.settings import ComfyUILimits
from .address import Address

_Read = TypeVar("_Read")
_CONNECTIONS = 8  # at once to one server
_ADVICE = "Check the address, http or https, and that ComfyUI runs there."
_STATUSES = {
    401: "asks for a name and a password. Write the address as http://name:password@host",
    403: "refuses the connection (403). Check what stands before it",
    413: "does not take so large a file (413). Start it with a higher --max-upload-size, or scale it down",
}


class ComfyUIResponse(NamedTuple):
    status: int
    body: bytes


class ComfyUIConnection:
    """Requests to one ComfyUI, between `async with` and its end."""

    def __init__(self, address: Address, limits: ComfyUILimits) -> None:
        self.address = address
        self.limits = limits
        self.name = f"The ComfyUI at {address}"

    async def __aenter__(self) -> ComfyUIConnection:
        self._session = aiohttp.ClientSession(
            headers=self.address.headers,
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(
                total=self.limits.comfyui_response_seconds, connect=self.limits.comfyui_connect_seconds
            ),
        )
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._session.close()

    async def request(
        self,
        method: str,
        *path: str,
        allowed: Collection[int] = (200,),
        query: Mapping[str, str] | None = None,
        send: object = None,
    ) -> ComfyUIResponse:
        """Send one request and return its whole response; redirects are not followed.

        Args:
            allowed: the statuses that the caller understands.
            send: a body, as JSON takes it; a form's parts (`form`).

        Raises:
            ServerUnreachable: there is no response, or not all of it.
            EditFailed: the status is another one, or the response is too large.
        """
        body = {"data": send} if isinstance(send, aiohttp.FormData) else {"json": send}
        try:
            async with self._session.request(
                method, self.address.at(*path), params=query, allow_redirects=False, **body
            ) as response:
                if response.status not in allowed:
                    raise EditFailed(f"{self.name} {_status(response.status, path)}.")
                return ComfyUIResponse(response.status, await read_body(response, self._check_size))
        except TRANSPORT_ERRORS as error:
            raise self._unreachable(error) from None

    async def get_json(self, reader: Callable[[Any], _Read], *path: str) -> _Read:
        """Get the JSON at a path and return what a reader takes out of it.

        Raises:
            ServerUnreachable, EditFailed: as `request` and `parse_json`.
        """
        return self.parse_json(reader, (await self.request("GET", *path)).body)

    def parse_json(self, reader: Callable[[Any], _Read], text: bytes | str) -> _Read:
        """Parse JSON and return what a reader takes out of it. Raises what `parse` raises."""
        return self.parse(lambda: reader(read_json(text)))

    def parse(self, read: Callable[[], _Read]) -> _Read:
        """Return what `read` makes of something that the server sent.

        Raises:
            EditFailed: it is not such as ComfyUI sends.
        """
        try:
            return read()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise EditFailed(f"{self.name} sent a response that is not ComfyUI's. {_ADVICE}") from None

    async def listen(self, client_id: str) -> aiohttp.ClientWebSocketResponse[bool]:
        """The websocket with the events of the jobs that are queued under a client id.

        Raises:
            ServerUnreachable: there is none.
        """
        try:
            return await self._session.ws_connect(
                self.address.at("ws").with_query(clientId=client_id),
                max_msg_size=self.limits.comfyui_response_bytes,
            )
        except TRANSPORT_ERRORS as error:
            raise self._unreachable(error) from None

    def _check_size(self, size: int, so_far: bool) -> None:
        limit = self.limits.comfyui_response_bytes
        if size > limit:
            raise EditFailed(
                f"{self.name} sends a response of {'at least ' if so_far else ''}{size} bytes; the limit is "
                f"{limit}. Raise MULTIEDIT_COMFYUI_RESPONSE_BYTES to accept it."
            )

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        return ServerUnreachable(f"{self.name}: {failure_reason(error)}. {_ADVICE}")


def form(data: bytes, name: str, **fields: str) -> aiohttp.FormData:
    """A form with one file, `image`."""
    parts = aiohttp.FormData(fields)
    parts.add_field("image", io.BytesIO(data), filename=name, content_type="application/octet-stream")
    return parts


def _status(status: int, path: tuple[str, ...]) -> str:
    if status in _STATUSES:
        return _STATUSES[status]
    if 300 <= status < 400:
        return f"responded with a redirect ({status}). Give the address that it leads to"
    return f"responded to /{'/'.join(path[:2])} with {status}. {_ADVICE[:-1]}"
