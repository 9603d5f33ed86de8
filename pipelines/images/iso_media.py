"""AVIF and HEIC: how large the image is, how it is turned and cut, and what its colours are.

An image in these files is described twice: by the container, and by the coded frames themselves, which
are what a decoder allocates memory for. Both are read here, for every coded image of the file: the
image, its tiles, its alpha. (AVIF: AV1 Image File Format v1.1; HEIF: ISO/IEC 23008-12; the order of
transformations: ISO/IEC 23000-22, 7.3.6.)
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .av1 import frame_sizes, sequence_color
from .cicp import Cicp
from .file_faults import UnsupportedKind, missing_bytes
from .hevc import frame_size, read_configuration, split_units
from .hevc_color import parameter_set_color
from .iso_boxes import Box, Item, ItemFile, boxes
from .orientation import upright

Size = tuple[int, int]

CODED = frozenset({b"av01", b"hvc1", b"hev1"})
"""Items that are coded images."""

_MAX_CHAIN = 4  # identity-derived images, one of the other
_MAX_UNITS = 20_000  # of all coded images: one has a few headers and one unit a slice or tile group
_MAX_READ = 4  # times the file's length, that all items together may have: they may share data
_MAX_PADDING = 4  # times a grid's own area, that its tiles may have
_SMALL_AREA = 4096 * 4096  # a grid that is smaller may have large tiles
_LATE_CROP = (
    "is to be turned and then cut, which is not supported: a file must ask for the cut first. Convert it to "
    "JPEG or PNG and send it again."
)
_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1")


@dataclass(frozen=True)
class Grid:
    """An image made of equal tiles (ISO/IEC 23008-12, 6.6.2.3)."""

    rows: int
    columns: int
    size: Size
    tiles: tuple[int, ...]


@dataclass(frozen=True)
class IsoImage:
    """The image of an AVIF or HEIC file.

    Attributes:
        file: its items.
        item: the id of the coded image or grid.
        alpha: the id of its alpha plane, or None.
        stored: (width, height) before crop and orientation.
        crop: left, top, right, bottom in the stored image.
        orientation: 1..8 as in EXIF, of the cropped image.
        frames: (width, height) of everything that a decoder may allocate.
        depth: bits a channel.
        icc: its colour profile, or empty.
        cicp: its colours as numbers, by `nclx` or the coded image, or None.
        peak: the most light of a pixel in candela a square metre (`clli`), 0 where it is not given.
    """

    file: ItemFile
    item: int
    alpha: int | None
    stored: Size
    crop: tuple[int, int, int, int]
    orientation: int
    frames: tuple[Size, ...]
    depth: int
    icc: bytes
    cicp: Cicp | None
    peak: int

    @property
    def size(self) -> Size:
        """(width, height) after the crop, before the orientation."""
        left, top, right, bottom = self.crop
        return right - left, bottom - top


def read_image(data: bytes) -> IsoImage:
    """Read the description of a file's image.

    Raises:
        ValueError, IndexError, KeyError, struct.error: the file is damaged, or of a kind that is not taken.
    """
    found = next((box for box in boxes(data, 0, len(data)) if box[0] == b"meta"), None)
    if found is None:
        raise ValueError("the file has no description of its image")
    file = ItemFile(data, found[1], found[2])
    primary = file.items[file.primary]
    item = _coded_item(file)
    grid = read_grid(file, item)
    stored = _stored_size(data, file, item)
    crop, orientation = _transforms(data, primary, stored)
    alpha = _alpha_of(data, file, item)
    _check_data(file, [item, *(() if alpha is None else [alpha])])
    coded = _coded_frames(data, file)
    for each in (item, alpha):
        _check_tiles(data, file, each, coded)
    shown = [_stored_size(data, file, each) for each in (item, alpha) if each is not None]
    frames = (*shown, *(size for sizes in coded.values() for size in sizes))
    sample = file.items[grid.tiles[0]] if grid else file.items[item]
    return IsoImage(
        file=file,
        item=item,
        alpha=alpha,
        stored=stored,
        crop=crop,
        orientation=orientation,
        frames=tuple(dict.fromkeys(frames)),
        depth=_depth(data, sample),
        icc=_profile(data, primary),
        cicp=_cicp(data, primary) or _cicp(data, sample) or _coded_cicp(data, file, sample),
        peak=_peak(data, primary),
    )


def read_grid(file: ItemFile, item: int) -> Grid | None:
    """The layout of a grid item; None for another item."""
    if file.items[item].kind != b"grid":
        return None
    body = file.content(file.items[item])
    rows, columns = body[2] + 1, body[3] + 1
    width, height = struct.unpack_from(">II" if body[1] & 1 else ">HH", body, 4)
    tiles = file.targets(b"dimg", item)
    if len(tiles) != rows * columns or not set(tiles) <= set(file.items):
        raise ValueError("a grid has not the tiles that it needs")
    if any(file.items[tile].kind not in CODED for tile in tiles):
        raise ValueError("a tile of a grid is not a coded image")
    return Grid(rows, columns, (width, height), tiles)


def _coded_item(file: ItemFile) -> int:
    """The primary item, or what it is the identity of."""
    number = file.primary
    for _ in range(_MAX_CHAIN):
        kind = file.items[number].kind
        if kind in CODED or kind == b"grid":
            return number
        if kind != b"iden":
            break
        (number,) = file.targets(b"dimg", number)
    raise ValueError("the image is of a kind that is not taken")


def _check_tiles(data: bytes, file: ItemFile, item: int | None, coded: Mapping[int, Sequence[Size]]) -> None:
    """That the tiles of a grid are as large as it needs, and not much more in sum."""
    grid = None if item is None else read_grid(file, item)
    if grid is None:
        return
    sizes = {_declared_size(data, file.items[tile]) for tile in grid.tiles}
    if len(sizes) != 1:
        raise ValueError("the tiles of a grid differ in size")
    ((width, height),) = sizes
    for tile, count, whole in ((width, grid.columns, grid.size[0]), (height, grid.rows, grid.size[1])):
        if not tile * (count - 1) < whole <= tile * count:
            raise ValueError("the tiles of a grid do not fit it")
    area = sum(max(math.prod(size) for size in coded[tile]) for tile in grid.tiles)
    if area > _MAX_PADDING * max(math.prod(grid.size), _SMALL_AREA):
        raise ValueError("the tiles of a grid are larger than it by far")


def _check_data(file: ItemFile, shown: Sequence[int]) -> None:
    """That the data of the image is there; other items, such as its thumbnail, may be cut off."""
    items = [file.items[tile] for item in shown for tile in (item, *file.targets(b"dimg", item))]
    missing = sum(file.missing(item) for item in items)
    if missing:
        whole = sum(length for item in items for _, length in item.extents)
        raise missing_bytes(whole - missing, whole)


def _coded_frames(data: bytes, file: ItemFile) -> dict[int, list[Size]]:
    """The sizes of the frames in each coded image of the file."""
    left = _MAX_READ * len(data)
    budget = iter(range(_MAX_UNITS))
    sizes: dict[int, list[Size]] = {}
    for number, item in file.items.items():
        if item.kind not in CODED or file.missing(item):
            continue
        content = file.content(item)
        left -= len(content) + sum(end - start for _, start, end in item.properties)
        if left < 0:
            raise ValueError("the items of the file are longer than the file")
        read = _av1_sizes if item.kind == b"av01" else _hevc_sizes
        sizes[number] = [*read(data, item, content, budget), _declared_size(data, item)]
    return sizes


def _av1_sizes(data: bytes, item: Item, content: bytes | memoryview, budget: Iterator[int]) -> list[Size]:
    record = item_body(data, item, b"av1C")
    sizes = [*frame_sizes(record[4:], budget), *frame_sizes(content, budget)]
    if not sizes:
        raise ValueError("an AV1 image has no sequence header")
    return sizes


def _hevc_sizes(data: bytes, item: Item, content: bytes | memoryview, budget: Iterator[int]) -> list[Size]:
    configuration = read_configuration(item_body(data, item, b"hvcC"), budget)
    units = (*configuration.units, *split_units(content, configuration.length_size, budget))
    sizes = [size.coded for unit in units if (size := frame_size(unit)) is not None]
    if not sizes:
        raise ValueError("an HEVC image has no sequence parameter set")
    return sizes


def item_body(data: bytes, item: Item, kind: bytes) -> bytes:
    """The content of a property that an item must have."""
    box = item.property(kind)
    if box is None:
        raise ValueError(f"an item has no {kind.decode('ascii')}")
    return data[box[1] : box[2]]


def _declared_size(data: bytes, item: Item) -> Size:
    width, height = struct.unpack_from(">II", item_body(data, item, b"ispe"), 4)
    return width, height


def _stored_size(data: bytes, file: ItemFile, item: int) -> Size:
    grid = read_grid(file, item)
    return grid.size if grid else _declared_size(data, file.items[item])


def _depth(data: bytes, item: Item) -> int:
    if item.kind == b"av01":
        flags = item_body(data, item, b"av1C")[2]
        return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
    return (item_body(data, item, b"hvcC")[17] & 7) + 8


def _alpha_of(data: bytes, file: ItemFile, item: int) -> int | None:
    for number in file.sources(b"auxl", item):
        kind = file.items[number].property(b"auxC") if number in file.items else None
        if kind is not None and data[kind[1] + 4 : min(kind[2], kind[1] + 64)].split(b"\x00")[0] in _ALPHA:
            return number
    return None


def _transforms(data: bytes, item: Item, size: Size) -> tuple[tuple[int, int, int, int], int]:
    """Crop, and the rotation and mirroring as an EXIF orientation."""
    crop = (0, 0, *size)
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    start = pixels
    for box in item.properties:
        if box[0] == b"clap":
            if pixels is not start:
                raise UnsupportedKind(_LATE_CROP)
            crop = _clean_aperture(data, box, size)
        elif box[0] == b"irot":  # quarter turns anticlockwise
            pixels = np.rot90(pixels, data[box[1]] & 3)
        elif box[0] == b"imir":  # 0: top and bottom change places; 1: left and right
            pixels = np.flip(pixels, data[box[1]] & 1)
    turned = (number for number in range(1, 9) if np.array_equal(_turn(start, number), pixels))
    return crop, next(turned)


def _turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    return upright(pixels[..., None], orientation)[..., 0]


def _clean_aperture(data: bytes, box: Box, size: Size) -> tuple[int, int, int, int]:
    """The rectangle of a `clap` (ISO/IEC 14496-12, 12.1.4), rounded as libheif does, inside the image."""
    numbers = struct.unpack_from(">IIIIiIiI", data, box[1])
    edges = []
    for axis in (0, 1):
        length_n, length_d, offset_n, offset_d = (*numbers[2 * axis :][:2], *numbers[4 + 2 * axis :][:2])
        length = (2 * length_n + length_d) // (2 * length_d)
        # The centre is (size - 1) / 2 + offset; the first pixel is (length - 1) / 2 before it.
        first = ((size[axis] * length_d - length_n) * offset_d + 2 * offset_n * length_d) // (
            2 * length_d * offset_d
        )
        edges.append((max(0, first), min(size[axis], first + length)))
    (left, right), (top, bottom) = edges
    if left >= right or top >= bottom:
        raise ValueError("a crop leaves nothing of the image")
    return left, top, right, bottom


def _colr(data: bytes, item: Item, kinds: tuple[bytes, ...]) -> bytes:
    found = (box for box in item.properties if box[0] == b"colr" and data[box[1] : box[1] + 4] in kinds)
    box = next(found, None)
    return data[box[1] + 4 : box[2]] if box else b""


def _profile(data: bytes, item: Item) -> bytes:
    return _colr(data, item, (b"prof", b"rICC"))


def _cicp(data: bytes, item: Item) -> Cicp | None:
    body = _colr(data, item, (b"nclx",))
    if not body:
        return None
    primaries, transfer, matrix = struct.unpack_from(">HHH", body)
    return Cicp(primaries, transfer, matrix, bool(body[6] & 0x80))


def _coded_cicp(data: bytes, file: ItemFile, item: Item) -> Cicp | None:
    """The colours that the coded image gives, which count where the container gives none."""
    budget = iter(range(_MAX_UNITS))
    try:
        if item.kind == b"av01":
            return sequence_color(file.content(item), budget)
        units = read_configuration(item_body(data, item, b"hvcC"), budget).units
        return next(filter(None, map(parameter_set_color, units)), None)
    except (ValueError, IndexError):
        return None  # it is for the decoder to refuse


def _peak(data: bytes, item: Item) -> int:
    box = item.property(b"clli")
    return int.from_bytes(data[box[1] : box[1] + 2], "big") if box else 0
