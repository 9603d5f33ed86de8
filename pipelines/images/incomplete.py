"""Files that end before their format says that they may: whether every pixel is there.

Whoever cut the file short may have cut nothing but its end marker, a text or a checksum; then the image is as
good as any. Where pixels are missing it is refused, with the number of rows: no decoder's filling passes for
an image. Pillow's process-wide switch for such files (LOAD_TRUNCATED_IMAGES) is never used.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from PIL import Image

from .color import Levels, levels_of
from .container import Container
from .containers import SOF, SOS, jpeg_segments, png_chunk
from .file_faults import MissingPixels, missing_rows
from .jpeg_restarts import rows_begun
from .readers import LABELS, open_image

_END = b"\xff\xd9"  # of a JPEG
_CORNER_ROWS = 8
_STRIP_PIXELS = 1 << 18
_BLOCK = 1 << 20


def whole(container: Container, kind: str, name: str) -> Container:
    """Return what is decoded: the container itself, or of a cut file one with an end and a remark.

    The size must have been checked: a cut JPEG, PNG or GIF is decoded here.

    Raises:
        MissingPixels: rows are missing.
        ValueError, OSError and others of `reading`: the file is damaged.
    """
    if not container.cut:
        return container
    if kind in _CHECKS:
        container = _CHECKS[kind](container, name)
    remark = f"is an incomplete {LABELS[kind]} file: its end is missing or damaged, but every pixel is there"
    return replace(container, remarks=(*container.remarks, remark))


# A cut JPEG is decoded with different bits where its data ends. What they change was not there.
_FILLERS = (bytes(256), b"\xaa" * 256, b"\x55" * 256, b"\xe3" * 256)
_RESTARTS = tuple(bytes([0xFF, 0xD0 + number]) for number in range(8))


def require_all_rows(levels: Levels, container: Container, name: str) -> None:
    """Check a JPEG that some tool has closed where its data was cut: decoders go on in one colour there.

    Args:
        levels: what was decoded of it, before it is turned. Where the corner that comes last is of several
            colours, no more is looked at; of a progressive JPEG that shows the first scan only.

    Raises:
        MissingPixels: rows are missing.
    """
    corner = levels[-_CORNER_ROWS:, -max(1, levels.shape[1] // 8) :]
    if container.cut or (corner != corner[-1, -1]).any():
        return
    data = _without_end(container.stream())
    one, other = (_reduced(data + filler + _END, name) for filler in _FILLERS[:2])
    if _equal_rows(one, other) < one.height:
        _whole_jpeg(container, name)


def _reduced(stream: bytes, name: str) -> Image.Image:
    image = open_image(stream, "jpeg", name)
    image.draft(None, (1, 1))
    return image


def _without_end(stream: bytes) -> bytes:
    """A JPEG up to the marker that ends its scans, without what may follow."""
    *_, (_, _, data) = _segments_to_the_end(stream)
    return stream[: stream.find(_END, data)]


def _whole_jpeg(container: Container, name: str) -> Container:
    stream = container.stream()
    rows = container.size[1]
    if not _has_all_scans(stream):
        raise MissingPixels("its last scans are missing, which hold the detail")
    data = _without_end(stream)
    last = max(range(8), key=lambda number: data.rfind(_RESTARTS[number]))
    following = _RESTARTS[(last + 1) % 8] if _RESTARTS[last] in data else _RESTARTS[0]
    # A decoder that stands between two restart intervals looks for the next one's marker first.
    one, *others = (data + filler + following + filler + _END for filler in _FILLERS)
    first = open_image(one, "jpeg", name)
    decoded = [_equal_rows(first, open_image(other, "jpeg", name)) for other in others]
    there = min(*decoded, rows_begun(stream, list(_segments_to_the_end(stream)), container.size))
    if there < rows:
        raise missing_rows(there, rows)
    return container


def _equal_rows(one: Image.Image, other: Image.Image) -> int:
    """The rows above the first that differs."""
    width, height = one.size
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        box = (0, top, width, min(top + step, height))
        differs = (levels_of(one.crop(box)) != levels_of(other.crop(box))).any(axis=(1, 2))
        if differs.any():
            return top + int(differs.argmax())
    return height


def _has_all_scans(stream: bytes) -> bool:
    """Whether the scans that have begun bring every coefficient of every component at full precision."""
    finest: dict[int, np.ndarray] = {}
    for kind, start, end in _segments_to_the_end(stream):
        body = stream[start + 4 : end]
        if kind in SOF:
            finest = {body[6 + 3 * index]: np.full(64, 16) for index in range(body[5])}
        elif kind == SOS:
            count = body[0]
            first, last, precision = body[1 + 2 * count : 4 + 2 * count]
            for component in body[1 : 1 + 2 * count : 2]:
                finest[component][first : last + 1] = precision & 15
    return bool(finest) and not any(bits.any() for bits in finest.values())


def _segments_to_the_end(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """All segments but one that is cut off."""
    try:
        yield from jpeg_segments(stream, 2, len(stream))
    except ValueError:
        return


_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type


def _whole_png(container: Container, name: str) -> Container:
    """With pixels whose compressed stream has an end; they are compressed anew where it has none."""
    others: list[bytes | memoryview] = []
    pixels: list[bytes | memoryview] = []
    for piece in container.pieces:
        (pixels if bytes(piece[4:8]) == b"IDAT" else others).append(piece)
    header = bytes(others[1])
    passes = _png_passes(*struct.unpack_from(">IIBBBBB", header, 8))
    length = sum(rows * size for rows, size in passes)
    inflater = zlib.decompressobj()
    deflater = zlib.compressobj(1)
    parts: list[bytes] = []
    there = 0
    for piece in pixels:
        compressed: bytes | memoryview = piece[8:-4]
        while len(compressed) and there <= length and not inflater.eof:  # to its checksum, if there is one
            rows = inflater.decompress(compressed, min(_BLOCK, length - there) or 1)
            compressed = inflater.unconsumed_tail
            there += len(rows)
            parts.append(deflater.compress(rows))
    if there < length:
        raise missing_rows(_png_rows(there, passes), container.size[1])
    stream = b"".join([*parts, deflater.flush()])
    return replace(container, pieces=[*others[:-1], png_chunk(b"IDAT", stream), others[-1]])


def _png_passes(
    width: int, height: int, depth: int, color: int, _compression: int, _filter: int, interlaced: int
) -> list[tuple[int, int]]:
    """Rows, and bytes a row, of each pass."""
    passes = _ADAM7 if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes]
    bits = depth * _SAMPLES[color]
    return [(rows, 1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0 < rows]


def _png_rows(there: int, passes: list[tuple[int, int]]) -> int:
    """The rows of the image that are finished; an interlaced one's odd rows come last."""
    for rows, size in passes[:-1]:
        there -= rows * size
    finished = max(0, there) // passes[-1][1]
    return finished if len(passes) == 1 else 2 * finished


def _whole_gif(container: Container, name: str) -> Container:
    """Decoded over black and over white: what is not drawn differs."""
    stream = container.stream()
    _, box, start, args = open_image(stream, "gif", name).tile[0]
    if box is None or not isinstance(args, tuple):
        raise ValueError("the GIF has no picture")
    size = box[2] - box[0], box[3] - box[1]
    drawn = []
    for level in (0, 255):
        probe = Image.new("L", size, level)
        with contextlib.suppress(ValueError):  # it wants more than there is; what it has drawn counts
            probe.frombytes(stream[start:], "gif", *args)
        drawn.append(levels_of(probe))
    there = int((drawn[0] == drawn[1]).all(axis=(1, 2)).sum())
    if there < size[1]:
        raise missing_rows(there, size[1])
    return container


_CHECKS: dict[str, Callable[[Container, str], Container]] = {
    "jpeg": _whole_jpeg, "png": _whole_png, "gif": _whole_gif,
}  # fmt: skip
