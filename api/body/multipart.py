"""Read multipart/form-data part by part: files to temporary files, text to fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from aiohttp import BodyPartReader, MultipartReader
from aiohttp.http_exceptions import BadHttpMessage

from ...pipelines.common.errors import InvalidRequest
from ...pipelines.common.validation import boolean, describe, invalid_value, shown
from ...pipelines.sources.source import UploadSource
from .strict_json import parse_json
from .uploads import ReadThrottle, Upload, Uploads

_MOST_FILES = 10  # the contract's
_CHUNK_BYTES = 131_072
_MOST_TEXT_BYTES = 262_144  # of one text part: a prompt of 32768 characters has at most half of it
_MOST_TEXT_PARTS = 40
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_Upload = TypeVar("_Upload", bound=Upload)
# What aiohttp raises for bodies that do not match their header.
MALFORMED = (ValueError, AssertionError, RuntimeError, LookupError, BadHttpMessage)

FromText: TypeAlias = Callable[[str, str], object]
"""(text, field name) to the field's value."""


def boolean_text(text: str, name: str) -> object:
    """Read true, false, 1 or 0."""
    return boolean(_BOOLEANS.get(text.strip().lower(), text), name)


def json_text(text: str, name: str) -> object:
    """Read an object written as JSON."""
    try:
        return parse_json(text, f"{name} must be a JSON object")
    except InvalidRequest as error:
        raise error.copy_with(field=name) from error


def integer_text(text: str, name: str) -> object:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise invalid_value(name, text, "a whole number") from None


@dataclass(frozen=True)
class Form:
    """The fields that a form may have.

    Attributes:
        files: the field of each file part, by part name; parts may be repeated, and keep their order.
        texts: readers of text parts; other text is not converted.
        text_files: an image may also be sent as text: base64 or a URL.
    """

    files: Mapping[str, str]
    texts: Mapping[str, FromText] = field(default_factory=dict)
    text_files: bool = False


async def read_form(
    reader: MultipartReader, form: Form, uploads: Uploads, throttle: ReadThrottle
) -> dict[str, object]:
    """Read the fields of a form; a file's field is a list of `UploadSource`s, or a `TextUpload`.

    Raises:
        InvalidRequest: a part does not fit the form, or the multipart body is not valid.
        FileTooLarge, StorageFull: a file is too large for the limit or the disk.
    """
    fields: dict[str, object] = {}
    files: list[UploadSource] = []
    try:
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise InvalidRequest("A form part has no name. Name every field and file.")
            name = part.name
            target = form.files.get(name)
            if part.filename is not None or (target and not form.text_files):
                if len(files) == _MOST_FILES:
                    raise InvalidRequest(
                        f"The form has more than {_MOST_FILES} files. Send fewer.", field=target
                    )
                source = await _file(part, target, form, uploads.new(f"image {len(files) + 1}"), throttle)
                files.append(source)
                _files(fields, str(target)).append(source)
                continue
            if len(fields) >= _MOST_TEXT_PARTS:
                raise InvalidRequest(f"The form has more than {_MOST_TEXT_PARTS} fields. Send fewer.")
            if name in fields:
                raise InvalidRequest(f"{describe(name)} is sent twice. Send it once.", field=name[:64])
            if target:
                fields[target] = await _receive(part, uploads.text(), throttle)
                continue
            text = await _text(part, name)
            fields[name] = form.texts[name](text, name) if name in form.texts else text
    except MALFORMED:
        raise InvalidRequest(
            "Invalid multipart body: it is truncated, or its boundary is not the one in Content-Type. "
            "Let your HTTP library set both."
        ) from None
    return fields


def _files(fields: dict[str, object], name: str) -> list[object]:
    value = fields.setdefault(name, [])
    if not isinstance(value, list):
        raise InvalidRequest(f"{name} is sent as text and as a file. Send only one.", field=name)
    return value


async def _file(
    part: BodyPartReader, target: str | None, form: Form, upload: Upload, throttle: ReadThrottle
) -> UploadSource:
    name = str(part.name)[:64]
    if target is None:
        raise InvalidRequest(
            f"{describe(name)} is sent as a file; files go in {' or '.join(form.files)}.", field=name
        )
    if part.filename is None:
        raise InvalidRequest(
            f"{shown(name)} is sent as text; a form takes images as files. "
            "Send base64 and URLs as JSON, or give the part a file name.",
            field=target,
        )
    return (await _receive(part, upload, throttle)).source


async def _receive(part: BodyPartReader, upload: _Upload, throttle: ReadThrottle) -> _Upload:
    reads = throttle.reads(lambda: part.read_chunk(_CHUNK_BYTES))
    while chunk := await reads.next():
        await upload.write(chunk)
    await upload.flush()
    return upload


async def _text(part: BodyPartReader, name: str) -> str:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        data += chunk
        if len(data) > _MOST_TEXT_BYTES:
            raise InvalidRequest(
                f"{describe(name)} has more than {_MOST_TEXT_BYTES} bytes, the limit of a text field. "
                "Shorten it, or send a file.",
                field=name[:64],
            )
    return decode_text(data, name)


def decode_text(data: bytes | bytearray, name: str) -> str:
    """Decode the text of a field.

    Raises:
        InvalidRequest: it is not valid UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{describe(name)} is not valid UTF-8.", field=name[:64]) from None
