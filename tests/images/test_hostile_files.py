"""Files made to cost memory or time: refused, or read for what they are, within narrow bounds."""

from __future__ import annotations

import functools
import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from multiedit.pipelines.common.errors import InvalidImage
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from multiedit.tests.support.peaks import decode_peaks
from multiedit.tests.support.timing import BUSY_SECONDS
from PIL import Image

LIMITS = Limits()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*extra: bytes, pixels: bytes | None = None) -> bytes:
    header = struct.pack(">IIBBBBB", 512, 512, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(512 * (1 + 3 * 512))) if pixels is None else pixels
    body = chunk(b"IHDR", header) + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def zeros(megabytes: int, start: bytes = b"") -> bytes:
    """A zlib stream that inflates to so many megabytes; it has no end, which no reader gets to."""
    stream = zlib.compressobj(wbits=-15)
    first = stream.compress(start) + stream.flush(zlib.Z_FULL_FLUSH)
    block = stream.compress(bytes(1 << 20)) + stream.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x9c" + first + block * megabytes


def saved(kind: str, **parameters: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (512, 512), (10, 200, 30)).save(buffer, kind, **parameters)
    return buffer.getvalue()


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(*extra: bytes) -> bytes:
    data = saved("JPEG")
    return data[:2] + b"".join(extra) + data[2:]


def exif_bomb(entries: int, size: int) -> bytes:
    """Entries that all name the same bytes: read one by one they take entries x size of memory."""
    rows = b"".join(struct.pack("<HHII", 700 + i, 7, size, 8) for i in range(entries))
    return (b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", entries) + rows).ljust(size + 8, b"\x00")


def avif_with_exif_bomb() -> bytes:
    """Pillow reads the block when it writes the file too, so a harmless one is written and replaced."""
    bomb = exif_bomb(60_000, 1_000_000)
    marked = b"II*\x00\x08\x00\x00\x00\x00\x00".ljust(len(bomb), b"m")
    return saved("AVIF", exif=marked).replace(marked, bomb)


def tiff_bomb(size: int, first: int) -> bytes:
    """Black 512x512 pixels, and a directory of 1000 fields, most of which are the same bytes."""
    known = {256: 512, 257: 512, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 512, 279: 262_144}
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in known.items())
    rows += b"".join(struct.pack("<HHII", tag, 7, size, 8) for tag in range(first, first + 991))
    pixels = bytes(max(size, 262_144))
    return (
        b"II*\x00" + struct.pack("<I", 8 + len(pixels)) + pixels + struct.pack("<H", 1000) + rows + bytes(4)
    )


def gif(*blocks: bytes, frames: int = 1) -> bytes:
    """Palette black and white; each frame is 300x300 of black, from Pillow's own compression."""
    buffer = io.BytesIO()
    Image.new("L", (300, 300)).save(buffer, "GIF")
    whole = buffer.getvalue()
    start = whole.index(b"\x2c\x00\x00\x00\x00\x2c\x01\x2c\x01")
    frame = b"\x21\xf9\x04\x08\x0a\x00\x00\x00" + whole[start:-1]
    return whole[:start] + b"".join(blocks) + frame * frames + b";"


def animated_webp() -> bytes:
    others = [Image.new("RGB", (512, 512), (0, shade, 0)) for shade in range(60)]
    return saved("WEBP", save_all=True, append_images=others)


# What is refused, and what is read as the plain picture that it also is.
REFUSED: dict[str, Callable[[], bytes]] = {
    "a profile of 1 GB": lambda: png(chunk(b"iCCP", b"p\x00\x00" + zeros(1024, bytes(36) + b"acsp"))),
    "2 million PNG chunks": lambda: png(chunk(b"teXt", b"") * 2_000_000),
    "6 million JPEG segments": lambda: jpeg(segment(0xFE, b"") * 6_000_000),
    "nothing but fill bytes": lambda: b"\xff\xd8" + b"\xff" * 24_000_000,
    "12 million GIF blocks": lambda: gif(b"\x21\xfe" + b"\x01c" * 12_000_000 + b"\x00"),
    "half a GIF of no width": lambda: gif().replace(
        b"\x2c\x00\x00\x00\x00\x2c\x01", b"\x2c\x00\x00\x00\x00\x00\x00"
    )[:-3],
    "a JPEG of 2000 scans": lambda: (
        saved("JPEG", progressive=True)[:-2]
        + (segment(0xDA, b"\x01\x01\x00\x00\x00\x01") + b"\x00") * 2000
        + b"\xff\xd9"
    ),
    "a TIFF whose fields share 80 MB": lambda: tiff_bomb(5_000_000, first=280),
    "a JPEG of two sizes": lambda: jpeg(
        segment(0xC0, struct.pack(">BHHB", 8, 512, 512, 1) + b"\x01\x11\x00")
    ),
}
READ: dict[str, Callable[[], bytes]] = {
    "200 MB of text": lambda: png(chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(1 << 20))) * 200),
    "1 GB of profiles": lambda: png(chunk(b"iCCP", b"p\x00\x00" + zlib.compress(bytes(1 << 20))) * 1024),
    "pixels of 1 GB": lambda: png(pixels=zeros(1024)),
    "pixels of 1 GB without an end": lambda: png(pixels=zeros(1024))[:-12],
    "raw profiles of 100 MB each": lambda: png(
        chunk(b"zTXt", b"Raw profile type exif\x00\x00" + zeros(100)) * 200
    ),
    "EXIF bomb in a JPEG": lambda: jpeg(*[segment(0xE1, b"Exif\x00\x00" + exif_bomb(4000, 60_000))] * 20),
    "EXIF bomb in a PNG": lambda: png(chunk(b"eXIf", exif_bomb(60_000, 1_000_000))),
    "EXIF bomb in an AVIF": avif_with_exif_bomb,
    "EXIF bomb in a TIFF": lambda: tiff_bomb(200_000, first=700),
    "comments": lambda: gif(b"\x21\xfe" + (b"\xff" + b"c" * 255) * 90_000 + b"\x00"),
    "10,000 GIF frames": lambda: gif(frames=10_000),
    "animated WebP": animated_webp,
}  # fmt: skip


@functools.cache
def made(name: str) -> bytes:
    return (REFUSED | READ)[name]()


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_in_time(name: str) -> None:
    data = made(name)
    assert len(data) < LIMITS.max_file_bytes
    start = time.process_time()
    with pytest.raises(InvalidImage, match=r"image 1 is a damaged or incomplete \w+ file\. Save it again"):
        decode(data, read_header(data, LIMITS, "image 1"), "image 1")
    assert time.process_time() - start < BUSY_SECONDS


@pytest.mark.parametrize("name", READ)
def test_costs_no_more_than_its_first_picture(name: str) -> None:
    data = made(name)
    assert len(data) < LIMITS.max_file_bytes
    start = time.process_time()
    header = read_header(data, LIMITS)
    raster = decode(data, header)
    assert time.process_time() - start < BUSY_SECONDS
    assert raster.pixels.shape[:2] == (header.height, header.width)


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    files = {name: made(name) for name in REFUSED | READ}
    return decode_peaks(tmp_path_factory.mktemp("hostile"), files)


@pytest.mark.parametrize("name", REFUSED | READ)
def test_takes_less_than_50_mb(name: str, peaks: dict[str, tuple[float, float]]) -> None:
    assert peaks[name][0] < 50
