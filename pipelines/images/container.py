"""The parts of an image file that a decoder is to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .iso_media import IsoImage
from .source_color import SourceColor

MAX_CHUNKS = 100_000
"""Of a file; real ones stay far below. It bounds the seconds that nothing but tiny chunks can cost."""


@dataclass(frozen=True)
class Container:
    """The first picture of a file.

    Attributes:
        pieces: the bytes to hand to the decoder, in order.
        size: (width, height) as stored, after a crop that the file asks for.
        depth: bits a channel (or a palette index) has.
        exif: the EXIF block, with or without its `Exif` prefix; empty where the decoder reports it.
        color: the colour space that is declared without a profile, where it is not sRGB.
        iso: what else the container of an AVIF or HEIC file says.
        orientation: 1..8 as in EXIF, where the format has a field of its own; else 0.
        cut: the file ends before its format says that it may. `pieces` have an end.
        remarks: what a plan says about the file, each to go on after the image's name.
    """

    pieces: Sequence[bytes | memoryview] = field(repr=False)
    size: tuple[int, int]
    depth: int = 8
    exif: bytes = b""
    color: SourceColor | None = None
    iso: IsoImage | None = None
    orientation: int = 0
    cut: bool = False
    remarks: tuple[str, ...] = ()

    def stream(self) -> bytes:
        """One file to decode: the given bytes themselves where nothing had to be left out."""
        first = self.pieces[0]
        if len(self.pieces) == 1 and isinstance(first, bytes):
            return first
        return b"".join(self.pieces)
