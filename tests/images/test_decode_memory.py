"""Memory of decoding small files of many pixels: never much more than their own pixels as floats."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from multiedit.tests.support.peaks import decode_peaks
from PIL import Image

SIZE = (3000, 2000)
# Of the float32 tensor that comes out: WebP's decoder takes 1.34 of it by itself, AVIF's keeps some frames.
MOST, MOST_OF_AVIF = 1.7, 2.5
GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}
TRANSPARENT = {GREY: (b"tRNS", bytes(2)), RGB: (b"tRNS", bytes(6))}
GAMMA = (b"gAMA", struct.pack(">I", 100_000))


def saved(kind: str, mode: str = "RGB", **parameters: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, SIZE, 77).save(buffer, kind, **parameters)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def peaks(
    tmp_path_factory: pytest.TempPathFactory, png_file: Callable[..., bytes]
) -> dict[str, tuple[float, float]]:
    def deep(colour_type: int, *chunks: tuple[bytes, bytes]) -> bytes:
        rows = np.zeros((SIZE[1], SIZE[0] * CHANNELS[colour_type] * 2), np.uint8)
        return png_file(SIZE, 16, colour_type, rows, *chunks)

    files = {
        "16-bit grey": deep(GREY),
        "16-bit grey with a transparent level": deep(GREY, TRANSPARENT[GREY]),
        "16-bit grey and alpha": deep(GREY_ALPHA),
        "16-bit colour with a transparent one": deep(RGB, TRANSPARENT[RGB]),
        "16-bit colour of another gamma": deep(RGB, GAMMA),
        "16-bit colour and alpha": deep(RGBA),
        "lossless WebP": saved("WEBP", lossless=True, method=0),
        "AVIF": saved("AVIF", speed=10),
        "CMYK": saved("JPEG", "CMYK"),
        "two colours": saved("PNG", "1"),
    }
    assert max(map(len, files.values())) < 300_000
    return decode_peaks(tmp_path_factory.mktemp("memory"), files)


def test_a_small_file_takes_little_more_than_its_pixels(peaks: dict[str, tuple[float, float]]) -> None:
    shares = {name: peak / size for name, (peak, size) in peaks.items()}
    most = {name: MOST_OF_AVIF if name == "AVIF" else MOST for name in shares}
    assert {name: share for name, share in shares.items() if not 0 < share < most[name]} == {}
