"""WebP's chunks: the size, EXIF and what is there of a file that is cut."""

from __future__ import annotations

import struct
from collections.abc import Callable

from .container import MAX_CHUNKS, Container
from .file_faults import SEVERAL_FRAMES, MissingPixels, missing_bytes

_WEBP_PICTURES = frozenset({b"VP8 ", b"VP8L", b"ALPH", b"ANMF"})
_WEBP_ANIMATION = 0x02
_WEBP_FLAGS = {b"EXIF": 0x08, b"XMP ": 0x04}


def read_webp(data: bytes) -> Container:
    """The first picture of a WebP; a file that is cut is made of the chunks that are there."""
    (riff_size,) = struct.unpack_from("<I", data, 4)
    end = riff_size + 8
    cut = end > len(data)
    if cut:
        data = _closed_webp(data)
        end = len(data)
    kind = data[12:16]
    size = _WEBP_SIZES[kind](data[20:30])
    exif = _webp_exif(data, end) if kind == b"VP8X" else b""
    remarks = (SEVERAL_FRAMES,) if kind == b"VP8X" and data[20] & _WEBP_ANIMATION else ()
    return Container([data], size, 8, exif, cut=cut, remarks=remarks)


def _closed_webp(data: bytes) -> bytes:
    """A WebP that is cut, made of the chunks that are there.

    Raises:
        MissingPixels: its first picture is not.
    """
    chunks: dict[bytes, bytes] = {}
    start = 12
    for _ in range(MAX_CHUNKS):
        if start + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, start)
        body = data[start + 8 : start + 8 + length]
        if len(body) == length:
            chunks.setdefault(kind, data[start : start + 8] + body + bytes(length & 1))
        elif kind in _WEBP_PICTURES and kind not in chunks:
            raise missing_bytes(len(body), length)
        start += 8 + length + (length & 1)
    if not chunks.keys() & {b"VP8 ", b"VP8L", b"ANMF"}:
        raise MissingPixels("all its pixels are missing")
    if b"VP8X" in chunks:
        flags = chunks[b"VP8X"][8]
        for kind, flag in _WEBP_FLAGS.items():
            flags &= 0xFF if kind in chunks else ~flag
        chunks[b"VP8X"] = chunks[b"VP8X"][:8] + bytes([flags]) + chunks[b"VP8X"][9:]
    body = b"WEBP" + b"".join(chunks.values())
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _lossy_size(chunk: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", chunk, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless_size(chunk: bytes) -> tuple[int, int]:
    (packed,) = struct.unpack_from("<I", chunk, 1)
    return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1


def _canvas_size(chunk: bytes) -> tuple[int, int]:
    return int.from_bytes(chunk[4:7], "little") + 1, int.from_bytes(chunk[7:10], "little") + 1


_WEBP_SIZES: dict[bytes, Callable[[bytes], tuple[int, int]]] = {
    b"VP8 ": _lossy_size,
    b"VP8L": _lossless_size,
    b"VP8X": _canvas_size,
}


def _webp_exif(data: bytes, end: int) -> bytes:
    start = 12
    for _ in range(MAX_CHUNKS):
        if start + 8 > end:
            return b""
        kind, length = struct.unpack_from("<4sI", data, start)
        if kind == b"EXIF":
            return data[start + 8 : start + 8 + length]
        start += 8 + length + (length & 1)
    raise ValueError("the WebP has too many chunks")
