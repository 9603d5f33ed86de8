"""Read the body of a request, JSON or a form, within the limits of size and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeAlias, TypeVar

from aiohttp import StreamReader, web

from ...pipelines.common.errors import InvalidRequest
from ...pipelines.common.fair_semaphore import FairSemaphore
from ...pipelines.common.settings import ServerLimits
from ...pipelines.common.validation import describe
from ..errors import UnsupportedMedia
from .long_texts import MOST_BESIDE, count_beside
from .multipart import MALFORMED, Form, decode_text, read_form
from .strict_json import parse_json
from .uploads import ReadThrottle, TextUpload, Uploads

_Body = TypeVar("_Body")
_Reading: TypeAlias = Coroutine[Any, Any, "TextUpload | dict[str, object]"]
_INVALID_JSON = "Invalid JSON request"
_CLOSE_SECONDS = 2.0
JSON, FORM = "application/json", "multipart/form-data"
_WRONG_TYPE = "'Content-Type' must be 'application/json' or 'multipart/form-data'"


class BodyReader:
    """Reads bodies within the server's limits."""

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        most = max(limits.json_bytes_at_once * 2 // 3, limits.max_body_bytes)
        self._json_memory = FairSemaphore(limits.json_bytes_at_once, most)
        self._throttle = ReadThrottle()

    @contextlib.asynccontextmanager
    async def read(
        self, request: web.Request, form: Form, uploads: Uploads, owner: str
    ) -> AsyncIterator[Any]:
        """Yield the fields of a request's body: the parsed JSON, or a form's fields.

        A body is received to disk, however slow its sender is. Its text is loaded once `json_bytes_at_once`
        has room for one of `owner`, and counts against it until this context ends.

        Raises:
            InvalidRequest: it is neither JSON nor a form, malformed, truncated or too slow.
            BodyTooLarge, FileTooLarge, UnsupportedMedia, StorageFull.
        """
        sent = await self._receive(request, form, uploads)
        values = sent.values() if isinstance(sent, dict) else [sent]
        texts = [value for value in values if isinstance(value, TextUpload)]
        async with self._json_memory.hold(owner, sum(text.size for text in texts)):
            yield await asyncio.to_thread(_parse, sent) if texts else sent

    async def _receive(
        self, request: web.Request, form: Form, uploads: Uploads
    ) -> TextUpload | dict[str, object]:
        if not request.body_exists or request.content_length == 0:
            raise UnsupportedMedia("Request body is empty. Send JSON or a form.")
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity":
            raise UnsupportedMedia(
                f"Content-Encoding {describe(encoding)} is not supported. Send the body uncompressed."
            )
        start = {JSON: self._json, FORM: self._form}.get(request.content_type)
        if start is None:
            raise InvalidRequest(_WRONG_TYPE)
        try:
            return await self._in_time(await start(request, form, uploads), request.content)
        except (ConnectionError, web.PayloadAccessError, web.RequestPayloadError):
            raise InvalidRequest(
                "Request body truncated: it is shorter than its Content-Length. Send it again."
            ) from None

    async def _form(self, request: web.Request, form: Form, uploads: Uploads) -> _Reading:
        try:
            reader = await request.multipart()
        except MALFORMED:
            raise InvalidRequest(
                "Content-Type has no multipart boundary. Let your HTTP library set the header."
            ) from None
        return read_form(reader, form, uploads, self._throttle)

    async def _json(self, request: web.Request, form: Form, uploads: Uploads) -> _Reading:
        charset = (request.charset or "utf-8").lower()
        if charset not in ("utf-8", "utf8"):
            raise UnsupportedMedia(f"Charset {describe(charset)} is not supported. Send UTF-8.")
        uploads.check_text(request.content_length or 0)
        return self._receive_json(request, uploads.text())

    async def _receive_json(self, request: web.Request, body: TextUpload) -> TextUpload:
        """Receive what may be JSON with images; nothing but structure is refused as soon as it is seen."""
        reads, beside = self._throttle.reads(request.content.readany), 0
        while chunk := await reads.next():
            beside += count_beside(chunk)
            if beside > MOST_BESIDE:
                _stop_reading(request)
                raise InvalidRequest(
                    f"{_INVALID_JSON}: it has more bytes beside its images than {MOST_BESIDE}, the limit. "
                    "Send images as files in a form."
                )
            await body.write(chunk)
        await body.flush()
        return body

    async def _in_time(self, reading: Coroutine[Any, Any, _Body], content: StreamReader) -> _Body:
        """Wait for what is read from `content`, within the limits of time and idle time."""
        limits = self._limits
        task = asyncio.ensure_future(reading)
        began, seen = asyncio.get_running_loop().time(), content.total_bytes
        least = limits.upload_bytes_per_second * limits.upload_idle_seconds
        try:
            while not (await asyncio.wait([task], timeout=limits.upload_idle_seconds))[0]:
                received = content.total_bytes - seen
                if received < least:
                    amount = f"{received} bytes in" if received else "no data for"
                    raise _too_slow(f"{amount} {limits.upload_idle_seconds:g} s")
                if asyncio.get_running_loop().time() - began > limits.upload_seconds:
                    raise _too_slow(f"not complete after {limits.upload_seconds:g} s")
                seen = content.total_bytes
            return task.result()
        finally:
            task.cancel()


def _stop_reading(request: web.Request) -> None:
    """Leave the rest of a body unread; the connection ends once its client has had time for the response."""
    if request.transport is not None:
        request.transport.pause_reading()
        asyncio.get_running_loop().call_later(_CLOSE_SECONDS, request.transport.close)


def _too_slow(reason: str) -> InvalidRequest:
    return InvalidRequest(f"Upload too slow: {reason}.")


def _parse(sent: TextUpload | dict[str, object]) -> Any:
    """Load the text of a body, and parse JSON."""
    if isinstance(sent, TextUpload):
        return parse_json(sent.take(), _INVALID_JSON)
    return {
        name: decode_text(value.take(), name) if isinstance(value, TextUpload) else value
        for name, value in sent.items()
    }
