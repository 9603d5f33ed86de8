"""The item structure of AVIF and HEIC files (ISO/IEC 14496-12, 8.11, and ISO/IEC 23008-12).

Everything here reads descriptions; nothing is decoded. What a damaged file raises is ValueError,
IndexError or struct.error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_BOXES = 20_000
MAX_ITEMS = 10_000  # a 100 MP image in tiles of 512x512 has 400
MAX_EXTENTS = 20_000
MAX_LINKS = 100_000  # item to property, and item to item

Box = tuple[bytes, int, int]
"""Type, and where the body starts and ends in the file."""


def boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    """The boxes between two positions."""
    for _ in range(MAX_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        elif size == 0:  # up to the end of the file
            size = end - start
        if size < head or start + size > end:
            raise ValueError("a box has an impossible length")
        yield kind, start + head, start + size
        start += size
    raise ValueError("the file has too many boxes")


def closed(data: bytes) -> tuple[bytes, bool]:
    """A file whose last box ends with it, and whether it said that it goes on."""
    start = 0
    for _ in range(MAX_BOXES):
        if start + 8 > len(data):
            break
        (size,) = struct.unpack_from(">I", data, start)
        if size == 1 and start + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start + 8)
        if start + size > len(data):  # 0 is a box that ends with the file
            return data[:start] + bytes(4) + data[start + 4 :], True
        if size < 8:
            break
        start += size
    return data, False


@dataclass
class Item:
    """An image, or something that belongs to one.

    Attributes:
        kind: `av01`, `hvc1`, `grid`, `Exif` and so on.
        properties: the boxes that describe it, in the order in which they apply.
        extents: (start, length) of its data; in `idat` or in the file.
    """

    kind: bytes = b""
    properties: list[Box] = field(default_factory=list)
    extents: list[tuple[int, int]] = field(default_factory=list)

    def property(self, kind: bytes) -> Box | None:
        """The first property of a kind."""
        return next((box for box in self.properties if box[0] == kind), None)


class ItemFile:
    """The items of a file's `meta` box.

    Attributes:
        primary: the id of the item that is the image.
        items: by id.
        references: (type, from, to...) in order.

    Raises:
        ValueError, IndexError, struct.error: the file is damaged.
    """

    def __init__(self, data: bytes, start: int, end: int) -> None:
        """Args: the file, and where the body of its `meta` box starts and ends."""
        self._data = data
        self.primary = 0
        self.items: dict[int, Item] = {}
        self.references: list[tuple[bytes, int, tuple[int, ...]]] = []
        self._extents_left = MAX_EXTENTS
        self._links_left = MAX_LINKS
        parts = {kind: (first, last) for kind, first, last in boxes(data, start + 4, end)}
        self._idat = parts.get(b"idat", (0, 0))
        for kind, read in (
            (b"pitm", self._read_primary), (b"iinf", self._read_items), (b"iloc", self._read_locations),
            (b"iprp", self._read_properties), (b"iref", self._read_references),
        ):  # fmt: skip
            if kind in parts:
                read(*parts[kind])

    def missing(self, item: Item) -> int:
        """The bytes of an item's data that lie beyond the end of the file."""
        end = len(self._data)
        return sum(min(length, max(0, start + length - end)) for start, length in item.extents)

    def content(self, item: Item) -> bytes | memoryview:
        """The data of an item."""
        if sum(length for _, length in item.extents) > len(self._data):
            raise ValueError("the data of an item is longer than the file")
        pieces = [memoryview(self._data)[start : start + length] for start, length in item.extents]
        if any(len(piece) != length for piece, (_, length) in zip(pieces, item.extents, strict=True)):
            raise ValueError("the data of an item lies outside the file")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def targets(self, kind: bytes, source: int) -> tuple[int, ...]:
        """Return what an item refers to: for `dimg` the images that it is made of, in order."""
        found = (to for type_, origin, to in self.references if (type_, origin) == (kind, source))
        return next(found, ())

    def sources(self, kind: bytes, target: int) -> list[int]:
        """The items that refer to one: for `auxl` its alpha, depth and gain maps."""
        return [origin for type_, origin, to in self.references if type_ == kind and target in to]

    def _int(self, position: int, size: int) -> int:
        piece = self._data[position : position + size]
        if len(piece) != size:
            raise ValueError("a box ends too early")
        return int.from_bytes(piece, "big")

    def _link(self, count: int = 1) -> None:
        self._links_left -= count
        if self._links_left < 0:
            raise ValueError("the file has too many references between its parts")

    def _read_primary(self, start: int, end: int) -> None:
        self.primary = self._int(start + 4, 4 if self._data[start] else 2)

    def _read_items(self, start: int, end: int) -> None:
        first = start + (8 if self._data[start] else 6)
        for kind, body, _ in boxes(self._data, first, end):
            version = self._data[body]
            if kind != b"infe" or version < 2:
                continue
            id_size = 2 if version == 2 else 4
            number = self._int(body + 4, id_size)
            place = body + 6 + id_size
            self.items[number] = Item(bytes(self._data[place : place + 4]))
            if len(self.items) > MAX_ITEMS:
                raise ValueError("the file has too many items")

    def _read_locations(self, start: int, end: int) -> None:
        version = self._data[start]
        sizes = self._int(start + 4, 2)
        offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
        index_size = sizes & 15 if version in (1, 2) else 0
        wide = 4 if version == 2 else 2
        count = self._int(start + 6, wide)
        place = start + 6 + wide
        for _ in range(count):
            number = self._int(place, wide)
            place += wide
            method = 0
            if version in (1, 2):
                method = self._int(place, 2) & 15
                place += 2
            base = self._int(place + 2, base_size)  # after data_reference_index
            extents = self._int(place + 2 + base_size, 2)
            place += 4 + base_size
            self._extents_left -= extents + 1
            if self._extents_left < 0 or place > end:
                raise ValueError("the file has too many pieces")
            for _ in range(extents):
                offset = base + self._int(place + index_size, offset_size)
                length = self._int(place + index_size + offset_size, length_size)
                place += index_size + offset_size + length_size
                self._add_extent(number, method, offset, length)

    def _add_extent(self, number: int, method: int, offset: int, length: int) -> None:
        item = self.items.get(number)
        if item is None:
            return
        if method > 1:
            raise ValueError("the data of an item is inside another item")
        first, last = self._idat if method else (0, len(self._data))
        item.extents.append((first + offset, length or max(0, last - first - offset)))

    def _read_properties(self, start: int, end: int) -> None:
        parts = list(boxes(self._data, start, end))
        container = next((box for box in parts if box[0] == b"ipco"), (b"", 0, 0))
        known = list(boxes(self._data, container[1], container[2]))
        for kind, first, _ in parts:
            if kind == b"ipma":
                self._read_associations(first, known)

    def _read_associations(self, start: int, known: list[Box]) -> None:
        id_size = 4 if self._data[start] else 2
        index_size = 2 if self._data[start + 3] & 1 else 1
        place = start + 8
        for _ in range(self._int(start + 4, 4)):
            number, count = self._int(place, id_size), self._int(place + id_size, 1)
            place += id_size + 1
            self._link(count + 1)
            for _ in range(count):
                index = self._int(place, index_size) & (0x7FFF if index_size == 2 else 0x7F)
                place += index_size
                if index and number in self.items:
                    self.items[number].properties.append(known[index - 1])

    def _read_references(self, start: int, end: int) -> None:
        size = 4 if self._data[start] else 2
        for kind, body, _ in boxes(self._data, start + 4, end):
            count = self._int(body + size, 2)
            self._link(count + 1)
            first = body + size + 2
            targets = tuple(self._int(first + size * index, size) for index in range(count))
            self.references.append((kind, self._int(body, size), targets))
