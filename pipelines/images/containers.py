"""The parts of a picture file that the first picture needs, found without decoding anything.

Each format's reader walks the file's own chunks, so that three things hold before Pillow sees a byte:
the size is known; a truncated or absurd structure has been refused; and text, comments, thumbnails,
EXIF and later frames, which can cost more memory and time than the picture, are left out. Pillow then
gets a file with pixels, palette and colour profile only.

A file that ends too early is read as far as it goes, and marked: `incomplete.whole` then says whether its
pixels are there. The readers raise ValueError, IndexError or struct.error on a damaged file.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .bmp import read_bmp
from .container import MAX_CHUNKS, Container
from .exif import RAW_PROFILES, raw_profile
from .file_faults import SEVERAL_FRAMES, UnsupportedKind
from .gif_blocks import SubBlocks
from .iso_boxes import boxes, closed
from .iso_media import read_image
from .source_color import PNG_COLOR_CHUNKS, from_cicp, from_png, makes_sense
from .tiff import read_tiff
from .webp import read_webp

# Real files stay far below these; they bound the seconds that a file of nothing but tiny parts can cost.
MAX_SEGMENTS = 10_000
MAX_JUNK = 4096  # bytes between two segments of a JPEG header
MAX_SCANS = 100  # of a progressive JPEG: each costs a pass over the whole picture


def read_container(data: bytes, kind: str) -> Container:
    """Walk a file of a known kind (see `sniff`)."""
    return _READERS[kind](data)


def _without_copy(data: bytes, pieces: list[memoryview], cut: bool) -> Sequence[bytes | memoryview]:
    """The file itself where the pieces are all of it; a cut file has one that is not of it."""
    return [data] if not cut and sum(map(len, pieces)) == len(data) else pieces


# One chunk of each, as many IDAT as there are; without acTL an APNG is its default picture.
_PNG_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"IDAT", b"IEND"})
_CHECKED_CHUNKS = PNG_COLOR_CHUNKS | {b"tRNS", b"IEND"}


def _read_png(data: bytes) -> Container:
    if data[12:16] != b"IHDR":
        raise ValueError("the first chunk of a PNG must be IHDR")
    width, height, depth = struct.unpack_from(">IIB", data, 16)
    view = memoryview(data)
    pieces = [view[:8]]
    frames = 1
    exif = b""
    raw_exif: bytes | None = None  # of the first text only: each may have to be inflated
    seen: set[bytes] = set()
    damaged: set[bytes] = set()
    colors: dict[bytes, bytes] = {}
    for kind, start, end in _png_chunks(data):
        if end > len(data):  # the file is cut inside this chunk
            if kind == b"IDAT":
                pieces.append(memoryview(png_chunk(kind, data[start + 8 :])))
                seen.add(kind)
            break
        if _is_damaged(view, kind, start, end):
            if kind != b"IEND":
                damaged.add(kind)
            continue
        if kind in PNG_COLOR_CHUNKS and kind not in seen and b"IDAT" not in seen:
            colors[kind] = data[start + 8 : end - 4]
        if kind in _PNG_CHUNKS and (kind == b"IDAT" or kind not in seen):
            pieces.append(view[start:end])
        elif kind == b"acTL":
            (frames,) = struct.unpack_from(">I", data, start + 8)
        elif kind == b"eXIf":
            exif = data[start + 8 : end - 4]
        elif raw_exif is None and data.startswith(RAW_PROFILES, start + 8) and kind in (b"tEXt", b"zTXt"):
            raw_exif = raw_profile(data[start + 8 : end - 4], is_compressed=kind == b"zTXt")
        seen.add(kind)
    if b"IDAT" not in seen:
        raise ValueError("the PNG has no pixels")
    if b"IEND" not in seen:
        pieces.append(memoryview(png_chunk(b"IEND", b"")))
    last = next(piece for piece in reversed(pieces) if bytes(piece[4:8]) == b"IDAT")
    cut = b"IEND" not in seen or not _has_checksum(last)
    color, ignore_profile = from_png(colors)
    if ignore_profile:
        pieces = [piece for piece in pieces if bytes(piece[4:8]) != b"iCCP"]
    return Container(
        _without_copy(data, pieces, cut),
        (width, height),
        depth,
        exif or raw_exif or b"",
        color,
        cut=cut,
        remarks=_png_remarks(damaged, frames),
    )


def _png_remarks(damaged: set[bytes], frames: int) -> tuple[str, ...]:
    absent = (f"has a damaged chunk {kind.decode()}, which counts as absent" for kind in sorted(damaged))
    return (*absent, *(SEVERAL_FRAMES,) * (frames > 1))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))


def _is_damaged(view: memoryview, kind: bytes, start: int, end: int) -> bool:
    """Whether the end, or an ancillary chunk that is used, has a wrong checksum or makes no sense."""
    if kind not in _CHECKED_CHUNKS:
        return False
    return not (_has_checksum(view[start:end]) and makes_sense(kind, bytes(view[start + 8 : end - 4])))


def _has_checksum(chunk: memoryview) -> bool:
    return zlib.crc32(chunk[4:-4]) == int.from_bytes(chunk[-4:], "big")


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk of a PNG, length and checksum included, up to IEND.

    Where the file is cut, the last may end beyond it.
    """
    start = 8
    for _ in range(MAX_CHUNKS):
        if start + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, start)
        end = start + 12 + length
        yield kind, start, end
        if kind == b"IEND":
            return
        start = end
    raise ValueError("the PNG has too many chunks")


_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff]")
SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SOS, _EOI = 0xDA, 0xD9
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_UNREADABLE_SOF = {  # what libjpeg-turbo, as Pillow and kornia_rs bring it, does not decode
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical", 0xCB: "lossless",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical",
}  # fmt: skip
_END = b"\xff\xd9"
_LEAST_PADDING = 64  # zero bytes at the end of a cut JPEG are more than a picture has
# Of the application segments only these bear on colour; every other, and comments, are left out.
_JPEG_APPLICATION = {0xE0: b"JFIF\x00", 0xE2: b"ICC_PROFILE\x00", 0xEE: b"Adobe"}
_DROPPED = frozenset({*range(0xE0, 0xF0), 0xFE})


def _read_jpeg(data: bytes) -> Container:
    view = memoryview(data)
    pieces = [view[:2]]
    size = None
    depth = 8
    exif = b""
    cut = False
    for kind, start, end in jpeg_segments(data, 2, MAX_JUNK):
        if kind == SOS:
            _check_scans(data, start)
            cut = data.rfind(_END, start) < 0
            pieces += [_without_padding(view[start:]), memoryview(_END)] if cut else [view[start:]]
            break
        if kind in SOF:
            if size is not None:
                raise ValueError("the JPEG declares its size twice")
            depth, height, width = struct.unpack_from(">BHH", data, start + 4)
            size = (width, height)
            _check_coding(kind, depth)
        if kind == 0xE1 and not exif and data.startswith(b"Exif\x00\x00", start + 4):
            exif = data[start + 10 : end]
        if kind not in _DROPPED or _is_wanted(data, kind, start):
            pieces.append(view[start:end])
    if size is None:
        raise ValueError("the JPEG has no frame header before its pixels")
    return Container(_without_copy(data, pieces, cut), size, depth, exif, cut=cut)


def _check_coding(frame: int, depth: int) -> None:
    coding = _UNREADABLE_SOF.get(frame) or ("" if depth == 8 else f"{depth}-bit")
    if coding:
        raise UnsupportedKind(
            f"is a {coding} JPEG, which is not supported. Convert it to a baseline JPEG of 8 bits or to PNG "
            "and send it again."
        )


def _without_padding(scans: memoryview) -> memoryview:
    """The scans of a cut JPEG without half a marker, or the zeros that a download may leave."""
    kept = bytes(scans).rstrip(b"\x00")
    if len(scans) - len(kept) < _LEAST_PADDING:
        kept = bytes(scans)
    return memoryview(kept.rstrip(b"\xff"))


def _is_wanted(data: bytes, kind: int, start: int) -> bool:
    return kind in _JPEG_APPLICATION and data.startswith(_JPEG_APPLICATION[kind], start + 4)


def jpeg_segments(data: bytes, position: int, reach: int) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of each segment up to the end of the picture, `reach` bytes apart at most."""
    for _ in range(MAX_SEGMENTS):
        marker = _JPEG_MARKER.search(data, position, position + reach)
        if marker is None:
            raise ValueError("the JPEG has no marker where one must be")
        start, kind = marker.start(), data[marker.start() + 1]
        position = start + 2
        if kind == _EOI:
            return
        if kind not in _STANDALONE:
            (length,) = struct.unpack_from(">H", data, position)
            position += length
            if length < 2 or position > len(data):
                raise ValueError("a JPEG segment has an impossible length")
            yield kind, start, position
    raise ValueError("the JPEG has too many segments")


def _check_scans(data: bytes, start: int) -> None:
    # The count is quick and an upper bound: what follows the picture (a phone's video) may hold the bytes
    # of the marker by chance, so only a file over the limit is walked.
    if data.count(b"\xff\xda", start) > MAX_SCANS:
        scans = sum(kind == SOS for kind, _, _ in jpeg_segments(data, start, len(data)))
        if scans > MAX_SCANS:
            raise ValueError(f"the JPEG has more than {MAX_SCANS} scans")


_GIF_EXTENSION, _GIF_IMAGE, _GIF_CONTROL = 0x21, 0x2C, 0xF9


def _read_gif(data: bytes) -> Container:
    canvas = struct.unpack_from("<HH", data, 6)
    start = 13 + _colour_table_length(data[10])
    head = data[10:start]
    control = b""
    blocks = SubBlocks(data)
    while data[start] == _GIF_EXTENSION:
        end = blocks.skip(start + 2)
        if data[start + 1] == _GIF_CONTROL:
            control = _without_disposal(data[start:end])
        start = end
    if data[start] != _GIF_IMAGE:
        raise ValueError("the GIF has no picture")
    left, top, width, height, flags = struct.unpack_from("<HHHHB", data, start + 1)
    picture, cut = blocks.closed(start, start + 11 + _colour_table_length(flags))
    # A frame may reach beyond the canvas that the file declares; the canvas then grows.
    size = (max(canvas[0], left + width), max(canvas[1], top + height))
    screen = struct.pack("<HH", *(min(side, 0xFFFF) for side in size))
    pieces: list[bytes | memoryview] = [data[:6], screen, head, control, picture, b";"]
    remarks = (SEVERAL_FRAMES,) if not cut and _has_picture(data, blocks, start + len(picture)) else ()
    return Container(pieces, size, cut=cut, remarks=remarks)


def _has_picture(data: bytes, blocks: SubBlocks, start: int) -> bool:
    """Whether another one follows; what is damaged there is none."""
    try:
        while data[start] == _GIF_EXTENSION:
            start = blocks.skip(start + 2)
        return data[start] == _GIF_IMAGE
    except IndexError:
        return False


def _colour_table_length(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _without_disposal(control: bytes) -> bytes:
    """A graphic control block that asks for nothing after its frame, which is the only one shown."""
    return control[:3] + bytes([control[3] & ~0b00011100]) + control[4:]


# An item of type Exif or XMP's (ISO/IEC 14496-12, 8.11.6): its box type, version, flags and numbers before.
_TEXT_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))(?:Exif|mime)", re.DOTALL)


# What else a reader must not see: the frames of a sequence, whose sizes are declared elsewhere.
_HIDDEN = {b"moov": b"free"}


def _read_iso_media(data: bytes) -> Container:
    """AVIF and HEIC: as they are, but with EXIF, XMP and sequences renamed, so that no reader loads them.

    Their orientation stands in properties of its own; the formats say that EXIF's is to be ignored.
    """
    data, cut = closed(data)
    image = read_image(data)
    icc, cicp = image.icc, image.cicp
    # The range is that of the coded planes: what a decoder gives has the full one.
    color = from_cicp(cicp._replace(full_range=True), "nclx", image.peak) if cicp and not icc else None
    pieces: list[bytes | memoryview] = []
    remarks: tuple[str, ...] = ()
    position, view = 0, memoryview(data)
    for kind, start, end in boxes(data, 0, len(data)):
        body: bytes | memoryview = view[start:end]
        if kind == b"meta":
            body = _TEXT_ITEM.sub(rb"\1skip", data[start:end])
        elif kind == b"ftyp":
            body = data[start:end].replace(b"avis", b"avif")
        place = start - 4 if data[start - 4 : start] == kind else start - 12  # a length of 64 bits follows
        pieces += [view[position:place], _HIDDEN.get(kind, kind), view[place + 4 : start], body]
        remarks += (SEVERAL_FRAMES,) * (kind in _HIDDEN)
        position = end
    pieces.append(view[position:])
    return Container(pieces, image.size, image.depth, b"", color, image, cut=cut, remarks=remarks)


def _read_avif(data: bytes) -> Container:
    container = _read_iso_media(data)
    if container.depth == 8:
        return container
    return replace(container, remarks=(f"has {container.depth} bits a channel, of which 8 are read",))


_READERS: dict[str, Callable[[bytes], Container]] = {
    "png": _read_png,
    "jpeg": _read_jpeg,
    "webp": read_webp,
    "gif": _read_gif,
    "avif": _read_avif,
    "heif": _read_iso_media,
    "bmp": read_bmp,
    "tiff": read_tiff,
}
