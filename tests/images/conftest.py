"""Real files, made by Pillow or chunk by chunk."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageFilter


def _photo(width: int, height: int) -> Image.Image:
    """Smooth colour with edges and a little grain, the same each time."""
    random = np.random.default_rng(7)
    small = random.integers(0, 256, (9, 12, 3), np.uint8)
    base = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    base.paste((250, 30, 20), (width // 5, height // 5, width // 2, height // 2))
    grain = random.normal(0, 3, (height, width, 1))
    softened = np.asarray(base.filter(ImageFilter.GaussianBlur(1)), np.float32)
    return Image.fromarray((softened + grain).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    """RGB, 320x256."""
    return _photo(320, 256)


@pytest.fixture(scope="session")
def save() -> Callable[..., bytes]:
    """`save(image, "PNG", **parameters)`: the file's bytes."""

    def save(image: Image.Image, kind: str, **parameters: object) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, kind, **parameters)
        return buffer.getvalue()

    return save


@pytest.fixture(scope="session")
def png_file() -> Callable[..., bytes]:
    """`png_file(size, depth, colour_type, rows, chunks)`: a PNG made by hand; rows [H, bytes a row]."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def png_file(
        size: tuple[int, int], depth: int, colour_type: int, rows: np.ndarray, *chunks: tuple[bytes, bytes]
    ) -> bytes:
        header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
        pixels = zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes())
        parts = [(b"IHDR", header), *chunks, (b"IDAT", pixels), (b"IEND", b"")]
        return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in parts)

    return png_file
