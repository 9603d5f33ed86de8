"""Read the orientation from an EXIF block, and write a block of a few texts.

Pillow's own reader copies every value of a block, and one block can name the same bytes many thousand
times; so only the entries that are asked for are looked up here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

PREFIX = b"Exif\x00\x00"

_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
_ORIENTATION = 0x0112
_ASCII = 2
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}  # type -> how struct calls it

RAW_PROFILES = (b"Raw profile type exif\x00", b"Raw profile type APP1\x00")
"""How the text chunks begin in which ImageMagick keeps EXIF in a PNG."""
_MAX_PROFILE = 1 << 17  # bytes of such a text: as hexadecimal digits, the most that a JPEG's segment holds


class _Entry(NamedTuple):
    tag: int
    kind: int
    position: int  # of the four bytes that hold the value or its offset


def exif_orientation(exif: bytes) -> int:
    """The orientation (1..8) in an EXIF block, with or without its `Exif` prefix.

    1 where the block has none or makes no sense: a broken EXIF block is no reason to refuse an image.
    """
    tiff = exif.removeprefix(PREFIX)
    try:
        for entry in _entries(tiff):
            if entry.tag == _ORIENTATION and entry.kind in _INTEGERS:
                kind = _ORDERS[tiff[:4]] + _INTEGERS[entry.kind]
                (value,) = struct.unpack_from(kind, tiff, entry.position)
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def raw_profile(chunk: bytes, is_compressed: bool) -> bytes:
    """The EXIF block in a text chunk of `RAW_PROFILES`; empty where it cannot be read.

    The text is a line break, the profile's kind, its length, and its bytes as hexadecimal digits.
    """
    text = chunk.partition(b"\x00")[2]
    try:
        if is_compressed:
            text = zlib.decompressobj().decompress(text[1:], _MAX_PROFILE + 1)
        digits = text.split(b"\n", 3)[3] if len(text) <= _MAX_PROFILE else b""
        return bytes.fromhex(digits.decode("ascii"))
    except (zlib.error, IndexError, ValueError):
        return b""


def exif_block(texts: Mapping[int, str]) -> bytes:
    """An EXIF block, prefix included, of ASCII texts (longer than three characters) by tag."""
    values = [(tag, text.encode("ascii") + b"\x00") for tag, text in sorted(texts.items())]
    offset = 8 + 2 + 12 * len(values) + 4
    directory = struct.pack("<H", len(values))
    for tag, value in values:
        directory += struct.pack("<HHII", tag, _ASCII, len(value), offset)
        offset += len(value)
    head = b"II*\x00" + struct.pack("<I", 8)
    return PREFIX + head + directory + struct.pack("<I", 0) + b"".join(value for _, value in values)


def _entries(tiff: bytes) -> Iterator[_Entry]:
    order = _ORDERS.get(tiff[:4])
    if order is None:
        return
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, start)
    for position in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack_from(order + "HH", tiff, position)
        yield _Entry(tag, kind, position + 8)
