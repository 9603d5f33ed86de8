"""multipart/form-data, part by part: files to temporary files, text into fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from aiohttp import BodyPartReader, MultipartReader
from aiohttp.http_exceptions import BadHttpMessage

from ...pipelines.common.errors import InvalidRequest
from ...pipelines.common.validation import boolean, invalid_value
from ...pipelines.sources.source import UploadSource
from .strict_json import parse_json
from .uploads import ReadThrottle, Upload, Uploads

_MOST_FILES = 10  # the hosted API's
_CHUNK_BYTES = 131_072
_MOST_TEXT_BYTES = 262_144  # of one text part: a prompt of 32768 characters has at most half of it
_MOST_TEXT_PARTS = 40
_WORDS = {"true": True, "1": True, "false": False, "0": False}
_Upload = TypeVar("_Upload", bound=Upload)
# What aiohttp raises for bodies that are not what their header says.
MALFORMED = (ValueError, AssertionError, RuntimeError, LookupError, BadHttpMessage)

FromText: TypeAlias = Callable[[str, str], object]
"""(text, field name) to the field's value."""


def boolean_text(text: str, name: str) -> object:
    """true, false, 1 or 0."""
    return boolean(_WORDS.get(text.strip().lower(), text), name)


def json_text(text: str, name: str) -> object:
    """An object written as JSON."""
    try:
        return parse_json(text, f"{name} must be a JSON object")
    except InvalidRequest as error:
        error.field = name
        raise


def integer_text(text: str, name: str) -> object:
    """A whole number."""
    try:
        return int(text[:20])
    except ValueError:
        raise invalid_value(name, text, "a whole number") from None


@dataclass(frozen=True)
class Form:
    """What a form may hold.

    Attributes:
        files: part name to the field that it belongs to; each may be repeated, and order is kept.
        texts: how the text of a field is read, where it is not taken as it is.
        text_files: a file's field may come as text too: base64 or a URL.
    """

    files: Mapping[str, str]
    texts: Mapping[str, FromText] = field(default_factory=dict)
    text_files: bool = False


async def read_form(
    reader: MultipartReader, form: Form, uploads: Uploads, turns: ReadThrottle
) -> dict[str, object]:
    """The fields of a form; a file's field holds a list of `UploadSource`s, or a `TextUpload`.

    Raises:
        InvalidRequest: it is not what the form takes, or no valid multipart.
        FileTooLarge, StorageFull: of a file.
    """
    fields: dict[str, object] = {}
    files: list[UploadSource] = []
    try:
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader) or not part.name:
                raise InvalidRequest("A part of the form has no name. Send fields and files only.")
            name = part.name
            target = form.files.get(name)
            if part.filename is not None or (target and not form.text_files):
                if len(files) == _MOST_FILES:
                    raise InvalidRequest(
                        f"The form has more than {_MOST_FILES} files. Send fewer.", field=target
                    )
                source = await _file(part, target, form, uploads.new(f"image {len(files) + 1}"), turns)
                files.append(source)
                _files(fields, str(target)).append(source)
                continue
            if len(fields) >= _MOST_TEXT_PARTS:
                raise InvalidRequest(f"The form has more than {_MOST_TEXT_PARTS} fields. Send fewer.")
            if name in fields:
                raise InvalidRequest(f"{name[:64]!a} is given twice. Give it once.", field=name[:64])
            if target:
                fields[target] = await _received(part, uploads.text(), turns)
                continue
            text = await _text(part, name)
            fields[name] = form.texts[name](text, name) if name in form.texts else text
    except MALFORMED:
        raise InvalidRequest(
            "The multipart body is not valid: it has been cut, or its boundary is not the one of the "
            "Content-Type header. Let your client's library write both."
        ) from None
    return fields


def _files(fields: dict[str, object], name: str) -> list[object]:
    value = fields.setdefault(name, [])
    if not isinstance(value, list):
        raise InvalidRequest(f"{name} is given as text and as a file. Give one of them.", field=name)
    return value


async def _file(
    part: BodyPartReader, target: str | None, form: Form, upload: Upload, turns: ReadThrottle
) -> UploadSource:
    name = str(part.name)[:64]
    if target is None:
        raise InvalidRequest(
            f"{name!a} is sent as a file; files belong into {' or '.join(form.files)}.", field=name
        )
    if part.filename is None:
        raise InvalidRequest(
            f"{name} is sent as text; in a form pictures are files. "
            "Send base64 and URLs as JSON, or give the part a file name.",
            field=target,
        )
    return (await _received(part, upload, turns)).source


async def _received(part: BodyPartReader, upload: _Upload, turns: ReadThrottle) -> _Upload:
    while chunk := await turns.take(lambda: part.read_chunk(_CHUNK_BYTES)):
        await upload.write(chunk)
    await upload.flush()
    return upload


async def _text(part: BodyPartReader, name: str) -> str:
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK_BYTES):
        data += chunk
        if len(data) > _MOST_TEXT_BYTES:
            raise InvalidRequest(
                f"{name[:64]!a} has more than {_MOST_TEXT_BYTES} bytes, a text part's limit. "
                "Shorten it, or send a file.",
                field=name[:64],
            )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name[:64]!a} is not valid UTF-8.", field=name[:64]) from None
