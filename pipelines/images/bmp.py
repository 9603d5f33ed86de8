"""BMP files: size and kind from the header, and whether the rows are all there.

Of the kinds that Pillow reads: 1 to 32 bits a pixel, with palette, bit fields or run lengths. The layout is
that of Microsoft's BITMAPINFOHEADER and its relatives; rows lie bottom up, so the first ones of the file are
the image's last.
"""

from __future__ import annotations

import struct

from .container import Container
from .file_faults import UnsupportedKind, missing_rows

HEADER_LENGTHS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Of the header after the 14 bytes that every BMP begins with; each version has its own."""

_PLAIN, _RLE8, _RLE4, _BIT_FIELDS = range(4)
_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
_ALPHA_START = 14 + 108  # of the pixels after a BITMAPV4HEADER
_MAX_RUNS = 1 << 19  # bytes of run lengths: Pillow reads them in Python
_CONVERT = "Convert it to PNG and send it again."


def read_bmp(data: bytes) -> Container:
    """Read a file's header.

    Raises:
        UnsupportedKind: it is compressed in a way that is not taken.
        MissingPixels: the file ends before its last row.
        ValueError, struct.error: it is damaged.
    """
    pixels, length = struct.unpack_from("<II", data, 10)
    if length == 12:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        coding = _PLAIN
    else:
        width, height, _, depth, coding = struct.unpack_from("<iiHHI", data, 18)
    height = abs(height)
    if width < 1 or height < 1 or depth not in _DEPTHS:
        raise ValueError("the BMP has an impossible size or depth")
    if coding in (_RLE8, _RLE4):
        if len(data) - pixels > _MAX_RUNS:
            length = len(data) - pixels
            raise UnsupportedKind(
                f"is a BMP with {length} bytes of run lengths; the limit is {_MAX_RUNS}. {_CONVERT}"
            )
        return Container([data], (width, height))
    if coding not in (_PLAIN, _BIT_FIELDS):
        raise UnsupportedKind(f"is a BMP of compression {coding}, which is not supported. {_CONVERT}")
    if depth == 32 and coding == _PLAIN:
        data, pixels = _with_alpha(data, pixels), _ALPHA_START
    return _plain(data, pixels, (width, height), width * depth)


def _with_alpha(data: bytes, pixels: int) -> bytes:
    """With a header that calls the fourth byte of a pixel alpha, as ComfyUI's Load Image reads it too."""
    size = data[18:26]
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<I8sHHI20x", 108, size, 1, 32, _BIT_FIELDS) + masks
    return data[:10] + struct.pack("<I", _ALPHA_START) + header.ljust(108, b"\x00") + data[pixels:]


def _plain(data: bytes, pixels: int, size: tuple[int, int], row_bits: int) -> Container:
    """Rows padded to 4 bytes; the padding of the last may be missing."""
    row, rows = -(-row_bits // 8), size[1]
    stride = -(-row // 4) * 4
    there = max(0, len(data) - pixels)
    if there < stride * (rows - 1) + row:
        raise missing_rows(there // stride, rows)
    missing = stride * rows - there
    if missing <= 0:
        return Container([data], size)
    return Container([data, bytes(missing)], size, cut=True)
