"""TIFF files: the first page, made into a small file of what its pixels need (TIFF 6.0).

The directory is read and checked here: libtiff gets only known fields, as many strips or tiles as the size
asks for, all inside the file and together no longer than it, and no other page.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from .container import Container
from .file_faults import MissingPixels, UnsupportedKind, missing_bytes, missing_rows

_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I"}
_SHORT, _LONG = 3, 4
_MAX_ENTRIES = 1000
_MAX_VALUES = 1 << 23  # bytes of all fields, which only a profile comes near: fields may share bytes
_MAX_SEGMENTS = 100_000
_MAX_TILE = 4096 * 4096
_MAX_SCANS = 100  # of JPEG in all strips: each costs a pass over its pixels

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIPS, _ORIENTATION, _SAMPLES, _ROWS, _STRIP_BYTES, _PLANAR = 273, 274, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_BYTES = 322, 323, 324, 325
_SUBFILE, _DNG = 254, 50706
# What says how pixels are coded and what they mean: fill order, predictor, T4 and T6 options, palette, inks,
# extra samples, sample format, JPEG tables, YCbCr's numbers and the colour profile.
_KEPT = frozenset({
    _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, 266, _SAMPLES, _ROWS, _PLANAR, 292, 293, 317, 320,
    _TILE_WIDTH, _TILE_HEIGHT, 332, 338, 339, 347, 529, 530, 531, 532, 34675,
})  # fmt: skip
_READ = _KEPT | {
    _STRIPS, _ORIENTATION, _STRIP_BYTES, _TILES, _TILE_BYTES, _SUBFILE, _DNG,
}  # fmt: skip
_PLAIN, _JPEG = 1, 7
_COMPRESSIONS = frozenset({_PLAIN, 2, 3, 4, 5, _JPEG, 8, 32773, 32946})  # fax, LZW, JPEG, deflate, PackBits
_YCBCR = 6
_CONVERT = "Convert it to PNG and send it again."


@dataclass(frozen=True)
class _Field:
    kind: int
    count: int
    value: bytes


class _Directory:
    """The fields of the first page, by tag."""

    def __init__(self, data: bytes) -> None:
        self.order = _ORDERS[data[:4]]
        (start,) = struct.unpack_from(self.order + "I", data, 4)
        if start + 2 > len(data):
            raise MissingPixels("its directory, which stands after its pixels, is missing")
        (count,) = struct.unpack_from(self.order + "H", data, start)
        if count > _MAX_ENTRIES:
            raise ValueError("a TIFF directory has too many fields")
        self.fields: dict[int, _Field] = {}
        left = _MAX_VALUES
        for position in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, number = struct.unpack_from(self.order + "HHI", data, position)
            length = _TYPE_BYTES.get(kind, 0) * number
            place = position + 8
            if length > 4:
                (place,) = struct.unpack_from(self.order + "I", data, place)
            if tag in self.fields or tag not in _READ or place + length > len(data):
                continue
            left -= length
            if left < 0:
                raise ValueError("the fields of a TIFF directory are too long")
            self.fields[tag] = _Field(kind, number, data[place : place + length])
        (self.next,) = struct.unpack_from(self.order + "I", data, start + 2 + 12 * count)

    def numbers(self, tag: int, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """The integers of a field."""
        found = self.fields.get(tag)
        if found is None or found.kind not in _NUMBERS:
            return default
        return struct.unpack(f"{self.order}{found.count}{_NUMBERS[found.kind]}", found.value)

    def number(self, tag: int, default: int = 0) -> int:
        """The first of them."""
        return self.numbers(tag, (default,))[0]


def read_tiff(data: bytes) -> Container:
    """Read the first page of a file.

    Raises:
        UnsupportedKind: it is of a kind that is not taken.
        MissingPixels: the file ends before its last row.
        ValueError, KeyError, IndexError, struct.error: it is damaged.
    """
    page = _Directory(data)
    _check_kind(data, page)
    size = page.number(_WIDTH), page.number(_HEIGHT)
    orientation = page.number(_ORIENTATION, 1)
    remarks = ("has several pages: the first is used",) if page.next else ()
    return Container(
        _rebuilt(data, page, _segments(data, page, size)),
        size,
        max(page.numbers(_BITS, (1,))),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        remarks=remarks,
    )


def _check_kind(data: bytes, page: _Directory) -> None:
    if page.number(_SUBFILE) & 1 or _DNG in page.fields or data[8:10] == b"CR":
        raise UnsupportedKind(
            "is a camera's raw file, which is not supported. Export it as PNG and send that."
        )
    compression = page.number(_COMPRESSION, _PLAIN)
    if compression not in _COMPRESSIONS:
        raise UnsupportedKind(f"is a TIFF of compression {compression}, which is not supported. {_CONVERT}")
    depth = max(page.numbers(_BITS, (1,)))
    if depth > 16:
        raise UnsupportedKind(
            f"is a TIFF with {depth} bits a channel; the most is 16. Convert it to a PNG of 16 bits and "
            "send it again."
        )
    if page.number(_PHOTOMETRIC) == _YCBCR and compression != _JPEG:
        raise UnsupportedKind(f"is a TIFF of uncompressed YCbCr, which is not supported. {_CONVERT}")
    if depth == 16 and (page.number(_PLANAR, 1) != 1 or page.number(_PHOTOMETRIC) == 0):
        raise UnsupportedKind(
            "is a 16-bit TIFF in separate planes or with white as 0, which is not supported. Convert it to a "
            "PNG of 16 bits and send it again."
        )


def _segments(data: bytes, page: _Directory, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Offset and length of each strip or tile, checked."""
    width, height = size
    tiled = _TILES in page.fields
    across, down = width, max(1, min(page.number(_ROWS, height), height))
    if tiled:
        across, down = page.number(_TILE_WIDTH), page.number(_TILE_HEIGHT)
        if min(across, down) < 1 or across * down > max(_MAX_TILE, 2 * width * height):
            raise ValueError("the tiles of the TIFF have an impossible size")
    columns, rows = -(-width // max(1, across)), -(-height // down)
    planes = page.number(_SAMPLES, 1) if page.number(_PLANAR, 1) == 2 else 1
    offsets = page.numbers(_TILES if tiled else _STRIPS)
    lengths = page.numbers(_TILE_BYTES if tiled else _STRIP_BYTES)
    count = columns * rows * planes
    if not lengths and len(offsets) == 1 and page.number(_COMPRESSION, _PLAIN) == _PLAIN:
        lengths = (len(data) - offsets[0],)  # some old writers leave the length of a single strip out
    if not 0 < count <= _MAX_SEGMENTS or min(len(offsets), len(lengths)) < count:
        raise ValueError("the TIFF has not the strips or tiles that its size asks for")
    segments = list(zip(offsets[:count], lengths[:count], strict=True))
    cut = next((n for n, (offset, length) in enumerate(segments) if offset + length > len(data)), None)
    if cut is not None:
        raise _missing(data, page, segments, cut, down, size)
    if sum(lengths[:count]) > len(data):
        raise ValueError("the strips of the TIFF are longer than the file")
    _check_scans(data, page, segments)
    return segments


def _missing(
    data: bytes,
    page: _Directory,
    segments: Sequence[tuple[int, int]],
    cut: int,
    down: int,
    size: tuple[int, int],
) -> MissingPixels:
    """The rows above the first strip that is cut off, and of that strip; the bytes of a tile."""
    offset, length = segments[cut]
    there = max(0, len(data) - offset)
    if _TILES in page.fields or page.number(_PLANAR, 1) == 2:
        return missing_bytes(min(there, length), length)
    rows = cut * down
    if page.number(_COMPRESSION, _PLAIN) == _PLAIN:
        rows += there // -(-size[0] * sum(page.numbers(_BITS, (1,))) // 8)
    return missing_rows(rows, size[1])


def _check_scans(data: bytes, page: _Directory, segments: Sequence[tuple[int, int]]) -> None:
    if page.number(_COMPRESSION, _PLAIN) != _JPEG:
        return
    scans = (data.count(b"\xff\xda", offset, offset + length) for offset, length in segments)
    if sum(scans) > _MAX_SCANS + 3 * len(segments):
        raise ValueError("the TIFF's JPEG has too many scans")


def _rebuilt(data: bytes, page: _Directory, segments: Sequence[tuple[int, int]]) -> list[bytes | memoryview]:
    """A file of one directory and its strips or tiles."""
    order = page.order
    tiled = _TILES in page.fields
    fields = {tag: field for tag, field in page.fields.items() if tag in _KEPT}
    lengths = [length for _, length in segments]
    numbers = struct.Struct(f"{order}{len(segments)}I")
    fields[_TILE_BYTES if tiled else _STRIP_BYTES] = _Field(_LONG, len(segments), numbers.pack(*lengths))
    places = _TILES if tiled else _STRIPS
    fields[places] = _Field(_LONG, len(segments), numbers.pack(*lengths))  # of the right length; see below
    head = 8 + 2 + 12 * len(fields) + 4
    start = head + sum(_padded(field) for field in fields.values() if len(field.value) > 4)
    offsets = []
    for length in lengths:
        offsets.append(start)
        start += length
    fields[places] = _Field(_LONG, len(segments), numbers.pack(*offsets))
    directory, values = struct.pack(order + "H", len(fields)), b""
    for tag, field in sorted(fields.items()):
        directory += struct.pack(order + "HHI", tag, field.kind, field.count)
        if len(field.value) <= 4:
            directory += field.value.ljust(4, b"\x00")
        else:
            directory += struct.pack(order + "I", head + len(values))
            values += field.value.ljust(_padded(field), b"\x00")
    view = memoryview(data)
    first = data[:4] + struct.pack(order + "I", 8) + directory + bytes(4) + values
    return [first, *(view[offset : offset + length] for offset, length in segments)]


def _padded(field: _Field) -> int:
    """Values start at even places."""
    return len(field.value) + len(field.value) % 2
