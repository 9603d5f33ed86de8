"""Read the header of an image file and check its size: nothing is decoded here."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from ..common.errors import ImageTooLarge, ImageTooSmall, InvalidImage
from ..common.settings import Limits
from ..sources.bounds import check_size
from .containers import read_container
from .exif import exif_orientation
from .orientation import upright_size
from .sniff import sniff

# What Pillow's readers and the C libraries behind them raise for a damaged file: seen in fuzzing, or
# listed by ImageFile itself. Warning is there for callers that turn warnings into errors.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, OverflowError,
    RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip

LABELS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "avif": "AVIF", "heif": "HEIC"}

# The readers themselves, not Image.open: no other of Pillow's forty formats can be reached, and Pillow's
# process-wide pixel limit, which other packs change, has no say. AVIF and HEIC are looked up in Pillow's
# registry, because only some installations have them.
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
}
_NEXT_STEP = {
    "avif": "Install Pillow 11.3 or newer, or convert the image to JPEG or PNG and send it again.",
    "heif": "Install and register pillow-heif, or convert the image to JPEG or PNG and send it again.",
}
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


@dataclass(frozen=True)
class ImageHeader:
    """An image as its header describes it.

    Attributes:
        format: `jpeg`, `png`, `webp`, `gif`, `avif` or `heif`, by content.
        width, height: pixels, after EXIF orientation.
        mode: Pillow's name for the stored pixels.
        depth: bits a channel as stored; 16 only for PNG.
        orientation: 1..8 as in EXIF, to be applied to the stored pixels.
        has_alpha: there is an alpha channel, or a colour that stands for transparency.
    """

    format: str
    width: int
    height: int
    mode: str
    depth: int
    orientation: int
    has_alpha: bool


def read_header(data: bytes, limits: Limits, name: str = "image") -> ImageHeader:
    """Check a file against the limits and return its header.

    Args:
        data: the whole file.
        name: of the image in messages: "image 2".

    Raises:
        FileTooLarge: it has `limits.max_file_bytes` or more.
        ImageTooSmall, ImageTooLarge: its sides or its area are outside the limits.
        InvalidImage: it is not an image, of an unsupported format, or damaged.
    """
    check_size(len(data), limits, name)
    kind = sniff(data, name)
    with reading(name, kind):
        container = read_container(data, kind)
        if container.size is not None:
            _check_size(container.size, limits, name)
        image = open_image(container.stream(), kind, name)
    if container.size is None:
        _check_size(image.size, limits, name)
    orientation = exif_orientation(container.exif or image.info.get("exif", b""))
    width, height = upright_size(image.size, orientation)
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        mode=image.mode,
        depth=container.depth,
        orientation=orientation,
        has_alpha=image.mode in _ALPHA_MODES or "transparency" in image.info,
    )


@contextlib.contextmanager
def reading(name: str, kind: str) -> Iterator[None]:
    """Turn what the readers raise for a damaged file into InvalidImage."""
    try:
        yield
    except DECODER_ERRORS as error:
        raise InvalidImage(
            f"{name} is a damaged or incomplete {LABELS[kind]} file. Save it again and send it again."
        ) from error


def open_image(stream: bytes, kind: str, name: str) -> ImageFile.ImageFile:
    """Open an image with the reader of its own format.

    Raises:
        InvalidImage: the installed Pillow has no reader for it.
    """
    reader = _READERS.get(kind) or _registered(kind)
    if reader is None:
        raise InvalidImage(
            f"{name} is {LABELS[kind]}, which the installed Pillow cannot read. {_NEXT_STEP[kind]}"
        )
    return reader(BytesIO(stream), "")


def _registered(kind: str) -> type[ImageFile.ImageFile] | None:
    Image.init()
    entry = Image.OPEN.get(kind.upper())
    return entry[0] if entry else None  # type: ignore[return-value]


def _check_size(size: tuple[int, int], limits: Limits, name: str) -> None:
    width, height = size
    area = width * height
    if min(size) < limits.min_side:
        raise ImageTooSmall(
            f"{name} is {width}x{height}; each side must have at least {limits.min_side} px. "
            "Send a larger image."
        )
    if area < limits.min_pixels:
        raise ImageTooSmall(
            f"{name} is {width}x{height} ({area} px); the least is {limits.min_pixels} px. "
            "Send a larger image, or scale it up."
        )
    if area > limits.max_pixels:
        raise ImageTooLarge(
            f"{name} is {area / 1e6:.1f} MP ({width}x{height}); the limit is "
            f"{limits.max_pixels / 1e6:.1f} MP ({limits.max_pixels} px). Scale it down and send it again."
        )
