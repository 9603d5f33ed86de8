"""Detect a file's format by its first bytes: never by its name or the MIME type that came with it."""

from __future__ import annotations

import codecs
import re

from ..common.errors import InvalidImage
from .bmp import HEADER_LENGTHS

ACCEPTED = "JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF"

_MAGIC: tuple[tuple[bytes, int, str], ...] = (
    (b"\xff\xd8\xff", 0, "jpeg"),
    (b"\x89PNG\r\n\x1a\n", 0, "png"),
    (b"WEBP", 8, "webp"),
    (b"GIF87a", 0, "gif"),
    (b"GIF89a", 0, "gif"),
    (b"II*\x00", 0, "tiff"),
    (b"MM\x00*", 0, "tiff"),
)
# Brands of the ISO base media file format (ISO/IEC 23000-22 for HEIF, the AV1 image file format for AVIF).
# `mif1` and `msf1` only say "some image", so AVIF's brands are looked for first among all that a file has.
_BRANDS: tuple[tuple[frozenset[bytes], str], ...] = (
    (frozenset({b"avif", b"avis"}), "avif"),
    (
        frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}),
        "heif",
    ),
)
_OTHER_KINDS: tuple[tuple[bytes, int, str], ...] = (
    (b"II+\x00", 0, "BigTIFF"),
    (b"MM\x00+", 0, "BigTIFF"),
    (b"8BPS", 0, "Photoshop"),
    (b"%PDF", 0, "PDF"),
    (b"\xff\x0a", 0, "JPEG XL"),
    (b"JXL ", 4, "JPEG XL"),
    (b"jP  ", 4, "JPEG 2000"),
    (b"\x00\x00\x01\x00", 0, "ICO"),
    (b"\x1f\x8b", 0, "gzip"),
    (b"PK\x03\x04", 0, "zip"),
    (b"ftyp", 4, "MP4 or QuickTime"),
)
_TEXT_WINDOW = 65_536
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_MARKUP = re.compile(r"<(?:(html)|!doctype\s+(html)|(?:\w+:)?svg)\b", re.IGNORECASE)


def sniff(data: bytes, name: str) -> str:
    """Return the format of a file: `jpeg`, `png`, `webp`, `gif`, `avif`, `heif`, `bmp` or `tiff`.

    Raises:
        InvalidImage: it is empty, text, SVG, a web page, or of an unsupported format.
    """
    if not data:
        raise InvalidImage(f"{name} is empty (0 bytes). Send a {ACCEPTED} file.")
    for magic, offset, kind in _MAGIC:
        if data.startswith(magic, offset):
            return kind
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in HEADER_LENGTHS:
        return "bmp"
    if data.startswith(b"ftyp", 4):
        brands = _brands(data)
        for known, kind in _BRANDS:
            if brands & known:
                return kind
    raise InvalidImage(f"{name} {_describe_unsupported(data)}")


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of the `ftyp` box that opens the file."""
    box = data[8 : min(int.from_bytes(data[:4], "big"), 1024)]
    return {box[start : start + 4] for start in range(0, len(box), 4)}


def _describe_unsupported(data: bytes) -> str:
    text = _text(data[:_TEXT_WINDOW])
    if text is not None:
        return _describe_text(text)
    for magic, offset, kind in _OTHER_KINDS:
        if data.startswith(magic, offset):
            return f"is a {kind} file, which is not supported. Convert it to JPEG or PNG and send it again."
    return f"is not a readable image (it begins with {data[:8].hex(' ')}). Send a {ACCEPTED} file."


def _text(head: bytes) -> str | None:
    """The file's beginning as text, or None where it is not text."""
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return None
    return None if _CONTROL_CHARACTERS.search(text) else text


def _describe_text(text: str) -> str:
    markup = _MARKUP.search(_COMMENT.sub("", text))
    if markup is None:
        return f"is text, not an image. Send a {ACCEPTED} file."
    if markup[1] or markup[2]:
        return "is a web page (HTML), not an image. Use the URL of the image file itself."
    return "is an SVG drawing; only raster images are accepted. Export it as PNG and send that."
