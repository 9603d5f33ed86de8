"""Small image files of many pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

Size = tuple[int, int]
SMALL: Size = (1920, 1080)
LARGEST: Size = (7680, 4320)  # that a request may have


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(
    size: Size,
    depth: int,
    colour_type: int,
    samples: int,
    *chunks: bytes,
    pixels: bool = True,
    level: bytes = b"\0",
) -> bytes:
    row = b"\0" + level * (size[0] * samples * depth // 8)
    stream = zlib.compressobj(9)
    data = b"".join(stream.compress(row) for _ in range(size[1] if pixels else 0)) + stream.flush()
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _saved(size: Size, kind: str, **parameters: object) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(buffer, kind, **parameters)
    return buffer.getvalue()


FILES: dict[str, Callable[[Size], bytes]] = {
    "16-bit PNG with tRNS": lambda size: _png(size, 16, 2, 3, _chunk(b"tRNS", bytes(6))),
    "PNG of 1 bit": lambda size: _png(size, 1, 0, 1, level=b"\xff"),  # taken as a mask that selects all
    "PNG without pixels": lambda size: _png(size, 8, 6, 4, pixels=False),
    "AVIF": lambda size: _saved(size, "AVIF", speed=10),
    "lossless WebP": lambda size: _saved(size, "WEBP", lossless=True, method=0),
}
DAMAGED = ("PNG without pixels",)
