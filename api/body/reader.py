"""A request's body to fields: JSON, or a form; how large, how slow and how deep it may be."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Collection, Coroutine
from typing import Any, TypeAlias, TypeVar

from aiohttp import StreamReader, web

from ...pipelines.common.errors import InvalidRequest
from ...pipelines.common.settings import ServerLimits
from ...pipelines.common.validation import describe
from ..errors import UnsupportedMedia
from .multipart import MALFORMED, Form, read_form
from .strict_json import parse_json
from .uploads import ReadThrottle, TextUpload, Uploads

_Body = TypeVar("_Body")
_Reading: TypeAlias = Coroutine[Any, Any, "TextUpload | dict[str, object]"]
_NO_JSON = "Invalid JSON request"
JSON, FORM = "application/json", "multipart/form-data"
_WRONG_TYPE = "'Content-Type' must be 'application/json' or 'multipart/form-data'"


class ByteSemaphore:
    """Bytes that may be held at the same time; whoever finds none waits, in order.

    Args:
        size: bytes in all. A request for more than that gets all of it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Hold so many bytes, waiting until they are free."""
        size = min(size, self._size)
        if size and (self._waiting or size > self._free):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if (size, turn) in self._waiting:
                    self._waiting.remove((size, turn))
                else:
                    self._give(size)
                raise
        else:
            self._free -= size
        try:
            yield
        finally:
            self._give(size)

    def _give(self, size: int) -> None:
        self._free += size
        while self._waiting and self._waiting[0][0] <= self._free:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)


class Bodies:
    """Reads bodies within the server's limits."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._room = ByteSemaphore(limits.json_bytes_at_once)
        self._turns = ReadThrottle()

    @contextlib.asynccontextmanager
    async def fields(self, request: web.Request, form: Form, uploads: Uploads) -> AsyncIterator[Any]:
        """What a request's body holds: the parsed JSON, or a form's fields.

        A body is received onto the disk, however slow its sender is, and its text taken into memory when
        there is room, as long as this is held.

        Raises:
            InvalidRequest: it is neither, is malformed, is cut, or is too slow.
            BodyTooLarge, FileTooLarge, UnsupportedMedia, StorageFull.
        """
        sent = await self._received(request, form, uploads)
        texts = [value for value in _values(sent) if isinstance(value, TextUpload)]
        async with self._room.hold(sum(text.size for text in texts)):
            yield await asyncio.to_thread(_parsed, sent) if texts else sent

    async def _received(
        self, request: web.Request, form: Form, uploads: Uploads
    ) -> TextUpload | dict[str, object]:
        if not request.body_exists or request.content_length == 0:
            raise UnsupportedMedia("The body is empty. Send JSON or a form.")
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity":
            raise UnsupportedMedia(
                f"The body's encoding is {describe(encoding)}, which is not read. Send it plain."
            )
        read = {JSON: self._json, FORM: self._form}.get(request.content_type)
        if read is None:
            raise InvalidRequest(_WRONG_TYPE)
        try:
            return await self._in_time(await read(request, form, uploads), request.content)
        except (ConnectionError, web.PayloadAccessError, web.RequestPayloadError):
            raise InvalidRequest("The body has been cut: it is shorter than its header says.") from None

    async def _form(self, request: web.Request, form: Form, uploads: Uploads) -> _Reading:
        try:
            reader = await request.multipart()
        except MALFORMED:
            raise InvalidRequest(
                "The Content-Type header has no boundary. Let your client's library write it."
            ) from None
        return read_form(reader, form, uploads, self._turns)

    async def _json(self, request: web.Request, form: Form, uploads: Uploads) -> _Reading:
        charset = (request.charset or "utf-8").lower()
        if charset not in ("utf-8", "utf8"):
            raise UnsupportedMedia(f"The charset {describe(charset)} is not read. Send UTF-8.")
        uploads.check_text(request.content_length or 0)
        return self._whole(request.content, uploads.text())

    async def _whole(self, content: StreamReader, body: TextUpload) -> TextUpload:
        while chunk := await self._turns.take(content.readany):
            await body.write(chunk)
        await body.flush()
        return body

    async def _in_time(self, reading: Coroutine[Any, Any, _Body], content: StreamReader) -> _Body:
        """Wait for what is read from `content`, as long as bytes keep coming and it is in time."""
        limits = self._limits
        task = asyncio.ensure_future(reading)
        began, seen = asyncio.get_running_loop().time(), -1
        try:
            while not (await asyncio.wait([task], timeout=limits.upload_idle_seconds))[0]:
                if content.total_bytes == seen:
                    raise _too_slow(f"has stopped arriving for {limits.upload_idle_seconds:g} s")
                if asyncio.get_running_loop().time() - began > limits.upload_seconds:
                    raise _too_slow(f"was not whole after {limits.upload_seconds:g} s")
                seen = content.total_bytes
            return task.result()
        finally:
            task.cancel()


def _too_slow(what: str) -> InvalidRequest:
    return InvalidRequest(f"The body {what}. Send it again, faster.")


def _values(sent: TextUpload | dict[str, object]) -> Collection[object]:
    return sent.values() if isinstance(sent, dict) else (sent,)


def _parsed(sent: TextUpload | dict[str, object]) -> Any:
    """What was sent with its text in memory."""
    if isinstance(sent, TextUpload):
        return parse_json(sent.take(), _NO_JSON)
    return {
        name: _text(value, name) if isinstance(value, TextUpload) else value for name, value in sent.items()
    }


def _text(upload: TextUpload, name: str) -> str:
    try:
        return upload.take().decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name!a} is not valid UTF-8.", field=name) from None
