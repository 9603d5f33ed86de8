"""Read the header of an image file and check its size: nothing is decoded here."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import GifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from ..common.errors import ImageTooLarge, ImageTooSmall, InvalidImage
from ..common.settings import Limits
from ..sources.bounds import check_size
from .containers import Container, read_container
from .exif import exif_orientation
from .heic import installed_decoder
from .icc import profile_note
from .orientation import upright_size
from .sniff import sniff
from .source_color import SourceColor

# What Pillow's readers and the C libraries behind them raise for a damaged file: seen in fuzzing, or
# listed by ImageFile itself. Warning is there for callers that turn warnings into errors.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, OverflowError,
    RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip

LABELS = {"jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "avif": "AVIF", "heif": "HEIC"}

# The readers themselves, not Image.open: no other of Pillow's forty formats can be reached, and Pillow's
# process-wide pixel limit, which other packs change, has no say. AVIF is looked up in Pillow's
# registry, because only some installations have it; HEIC has decoders of its own (see heic.py).
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
}
_NEXT_STEP = {
    "avif": "Install Pillow 11.3 or newer, or convert the image to JPEG or PNG and send it again.",
    "heif": "Install multi-edit[heic], or convert the image to JPEG or PNG and send it again.",
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
        color: the colour space that is declared without a profile, where it is not sRGB.
        notes: what a plan says about the conversion of its colours.
    """

    format: str
    width: int
    height: int
    mode: str
    depth: int
    orientation: int
    has_alpha: bool
    color: SourceColor | None = None
    notes: tuple[str, ...] = ()


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
        _check_size(container.size, limits, name)
        for frame in container.iso.frames if container.iso else ():
            _check_area(frame, limits, name)
        mode, icc, info = _probe(container, kind, name)
    orientation = exif_orientation(container.exif or info.get("exif", b""))
    if container.iso is not None:
        orientation = container.iso.orientation
    width, height = upright_size(container.size, orientation)
    note = container.color.note(name) if container.color else profile_note(icc, name)
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        mode=mode,
        depth=container.depth,
        orientation=orientation,
        has_alpha=mode in _ALPHA_MODES or "transparency" in info,
        color=container.color,
        notes=(note[:1].upper() + note[1:],) if note else (),
    )


def _probe(container: Container, kind: str, name: str) -> tuple[str, bytes, dict[Any, Any]]:
    """Mode, colour profile and Pillow's further information."""
    if kind == "heif" and container.iso is not None:
        if installed_decoder() is None:
            raise _no_reader(kind, name)
        return ("RGB" if container.iso.alpha is None else "RGBA"), container.iso.icc, {}
    image = open_image(container.stream(), kind, name)
    return image.mode, image.info.get("icc_profile") or b"", image.info


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
        raise _no_reader(kind, name)
    return reader(BytesIO(stream), "")


def _no_reader(kind: str, name: str) -> InvalidImage:
    return InvalidImage(f"{name} is {LABELS[kind]}, which nothing installed can read. {_NEXT_STEP[kind]}")


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
    _check_area(size, limits, name)


def _check_area(size: tuple[int, int], limits: Limits, name: str) -> None:
    width, height = size
    area = width * height
    if area > limits.max_pixels:
        raise ImageTooLarge(
            f"{name} is {area / 1e6:.1f} MP ({width}x{height}); the limit is "
            f"{limits.max_pixels / 1e6:.1f} MP ({limits.max_pixels} px). Scale it down and send it again."
        )
