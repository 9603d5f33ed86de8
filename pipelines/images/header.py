"""Read the header of an image file and check its size: nothing is decoded but a file that is cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..common.errors import ImageTooLarge, ImageTooSmall
from ..common.settings import Limits
from ..common.types import Size
from ..sources.bounds import check_size
from .container import Container
from .containers import read_container
from .exif import exif_orientation
from .heic import installed_decoder
from .icc import profile_note
from .incomplete import whole
from .orientation import upright_size
from .readers import no_reader, open_image, reading
from .sniff import sniff
from .source_color import SourceColor

_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})


@dataclass(frozen=True)
class ImageHeader:
    """An image as its header describes it.

    Attributes:
        format: `jpeg`, `png`, `webp`, `gif`, `avif`, `heif`, `bmp` or `tiff`, by content.
        width, height: pixels, after EXIF orientation.
        mode: Pillow's name for the stored pixels.
        depth: bits a channel as stored; 16 only for PNG and TIFF.
        orientation: 1..8 as in EXIF, to be applied to the stored pixels.
        has_alpha: there is an alpha channel, or a colour that stands for transparency.
        color: the colour space that is declared without a profile, where it is not sRGB.
        notes: what a plan says about the conversion of its colours, a missing end and further pages.
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


class FileSize(NamedTuple):
    """What is known of an image file without decoding anything.

    Attributes:
        size: (width, height) in pixels, upright.
        kind: as `ImageHeader.format`.
    """

    size: Size
    kind: str


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
    kind, container = _checked_container(data, limits, name)
    with reading(name, kind):
        container = whole(container, kind, name)
        mode, icc, info = _probe(container, kind, name)
    orientation = _orientation(container, info.get("exif", b""))
    width, height = upright_size(container.size, orientation)
    color_note = container.color.note(name) if container.color else profile_note(icc, name)
    notes = (color_note, *(f"{name} {remark}." for remark in container.remarks))
    return ImageHeader(
        format=kind,
        width=width,
        height=height,
        mode=mode,
        depth=container.depth,
        orientation=orientation,
        has_alpha=mode in _ALPHA_MODES or "transparency" in info,
        color=container.color,
        notes=tuple(note[:1].upper() + note[1:] for note in notes if note),
    )


def read_size(data: bytes, limits: Limits, name: str = "image") -> FileSize:
    """Check a file against the limits and return its size; nothing is decoded.

    Arguments and errors: see `read_header`, which also decodes a file that is cut.
    """
    kind, container = _checked_container(data, limits, name)
    return FileSize(upright_size(container.size, _orientation(container)), kind)


def _orientation(container: Container, decoder_exif: bytes = b"") -> int:
    """1..8 as in EXIF: the container's own, or that of the block which the decoder reports."""
    if container.iso is not None:
        return container.iso.orientation
    return container.orientation or exif_orientation(container.exif or decoder_exif)


def _checked_container(data: bytes, limits: Limits, name: str) -> tuple[str, Container]:
    """The file's kind, and its parts."""
    check_size(len(data), limits, name)
    kind = sniff(data, name)
    with reading(name, kind):
        container = read_container(data, kind)
        _check_size(container.size, limits, name)
        for frame in container.iso.frames if container.iso else ():
            _check_area(frame, limits, name)
    return kind, container


def _probe(container: Container, kind: str, name: str) -> tuple[str, bytes, dict[Any, Any]]:
    """Mode, colour profile and Pillow's further information."""
    if kind == "heif" and container.iso is not None:
        if installed_decoder() is None:
            raise no_reader(kind, name)
        return ("RGB" if container.iso.alpha is None else "RGBA"), container.iso.icc, {}
    image = open_image(container.stream(), kind, name)
    return image.mode, image.info.get("icc_profile") or b"", image.info


def _check_size(size: tuple[int, int], limits: Limits, name: str) -> None:
    width, height = size
    area = width * height
    if min(size) < limits.min_side:
        raise ImageTooSmall(
            f"{name} is {width}x{height}; each side must have at least {limits.min_side} px. "
            "Send a larger image. MULTIEDIT_MIN_SIDE sets the limit."
        )
    if area < limits.min_pixels:
        raise ImageTooSmall(
            f"{name} is {width}x{height} ({area} px); the least is {limits.min_pixels} px. "
            "Send a larger image, or scale it up. MULTIEDIT_MIN_PIXELS sets the limit."
        )
    _check_area(size, limits, name)


def _check_area(size: tuple[int, int], limits: Limits, name: str) -> None:
    width, height = size
    area = width * height
    if area > limits.max_pixels:
        raise ImageTooLarge(
            f"{name} is {area / 1e6:.1f} MP ({width}x{height}); the limit is "
            f"{limits.max_pixels / 1e6:.1f} MP ({limits.max_pixels} px). Scale it down and send it again. "
            "MULTIEDIT_MAX_PIXELS sets the limit."
        )
