"""AVIF and HEIC files put together box by box, from images that Pillow or pillow-heif has encoded."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

ESSENTIAL = 0x80
_ESSENTIAL_KINDS = frozenset({b"av1C", b"hvcC", b"clap", b"irot", b"imir"})


def box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def full_box(kind: bytes, version: int, flags: int, *bodies: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *bodies)


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", 0, 0, struct.pack(">II", width, height))


def irot(quarter_turns: int) -> bytes:
    return box(b"irot", bytes([quarter_turns]))


def imir(axis: int) -> bytes:
    return box(b"imir", bytes([axis]))


def clap(width: int, height: int, across: int = 0, down: int = 0, over: int = 1) -> bytes:
    """A clean aperture; offsets in 1/over of a pixel from the middle."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, across, over, down, over))


def nclx(primaries: int, transfer: int, matrix: int = 6, full: bool = True) -> bytes:
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full << 7))


def profile(icc: bytes) -> bytes:
    return box(b"colr", b"prof", icc)


def aux(urn: bytes) -> bytes:
    return full_box(b"auxC", 0, 0, urn + b"\x00")


def grid_body(rows: int, columns: int, width: int, height: int) -> bytes:
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)


@dataclass
class Part:
    """An item to write: its type, properties and data, and what it refers to by (type, item numbers)."""

    kind: bytes
    properties: Sequence[bytes]
    data: bytes
    references: Sequence[tuple[bytes, Sequence[int]]] = field(default_factory=tuple)


def iso_file(parts: Sequence[Part], brand: bytes = b"avif", primary: int = 1, extra: bytes = b"") -> bytes:
    """A file of items, numbered from 1; `extra` is put between its description and its data."""
    known: list[bytes] = []
    associations = b""
    for number, part in enumerate(parts, start=1):
        indexes = []
        for each in part.properties:
            if each not in known:
                known.append(each)
            indexes.append(known.index(each) + 1 | ESSENTIAL * (each[4:8] in _ESSENTIAL_KINDS))
        associations += struct.pack(">HB", number, len(indexes)) + bytes(indexes)
    infos = b"".join(
        full_box(b"infe", 2, 0, struct.pack(">HH4s", number, 0, part.kind), b"\x00")
        for number, part in enumerate(parts, start=1)
    )
    links = b"".join(
        box(kind, struct.pack(">HH", number, len(to)), *(struct.pack(">H", each) for each in to))
        for number, part in enumerate(parts, start=1)
        for kind, to in part.references
    )
    head = box(b"ftyp", brand, bytes(4), brand, b"mif1", b"miaf")

    def description(start: int) -> bytes:
        locations, count = b"", struct.pack(">I", len(parts))
        for number, part in enumerate(parts, start=1):
            locations += struct.pack(">HHHII", number, 0, 1, start, len(part.data))
            start += len(part.data)
        return full_box(
            b"meta", 0, 0,
            full_box(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
            full_box(b"pitm", 0, 0, struct.pack(">H", primary)),
            full_box(b"iloc", 0, 0, b"\x44\x00", struct.pack(">H", len(parts)), locations),
            full_box(b"iinf", 0, 0, struct.pack(">H", len(parts)), infos),
            full_box(b"iref", 0, 0, links) if links else b"",
            box(b"iprp", box(b"ipco", *known), full_box(b"ipma", 0, 0, count, associations)),
        )  # fmt: skip

    start = len(head) + len(description(0)) + len(extra) + 8
    return head + description(start) + extra + box(b"mdat", *(part.data for part in parts))
