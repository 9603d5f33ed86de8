"""Small image files of 33 MP, the largest that a request may have."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

SIZE = (7680, 4320)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(depth: int, colour_type: int, samples: int, *chunks: bytes, rows: int = SIZE[1]) -> bytes:
    row = bytes(1 + SIZE[0] * samples * depth // 8)
    stream = zlib.compressobj(9)
    pixels = b"".join(stream.compress(row) for _ in range(rows)) + stream.flush()
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", *SIZE, depth, colour_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _saved(kind: str, **parameters: object) -> bytes:
    from PIL import Image

    buffer = BytesIO()
    Image.new("RGB", SIZE, (10, 200, 30)).save(buffer, kind, **parameters)
    return buffer.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "16-bit PNG with tRNS": lambda: _png(16, 2, 3, _chunk(b"tRNS", bytes(6))),
    "PNG of 1 bit": lambda: _png(1, 0, 1),
    "PNG without pixels": lambda: _png(8, 6, 4, rows=0),
    "AVIF": lambda: _saved("AVIF", speed=10),
    "lossless WebP": lambda: _saved("WEBP", lossless=True, method=0),
}
