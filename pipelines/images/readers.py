"""Pillow's readers of the formats that are taken, and what they raise."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from ..common.errors import InvalidImage
from .file_faults import MissingPixels, UnsupportedKind

# What Pillow's readers and the C libraries behind them raise for a damaged file: seen in fuzzing, or
# listed by ImageFile itself; and ours, for numbers that no whole file has. Warning is there for callers that
# turn warnings into errors.
DECODER_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, ArithmeticError,
    RuntimeError, struct.error, zlib.error, Image.DecompressionBombError, Warning,
)  # fmt: skip

LABELS = {
    "jpeg": "JPEG", "png": "PNG", "webp": "WebP", "gif": "GIF", "avif": "AVIF", "heif": "HEIC",
    "bmp": "BMP", "tiff": "TIFF",
}  # fmt: skip
_NEXT_STEP = {
    "avif": "Install Pillow 11.3 or newer, or convert the image to JPEG or PNG and send it again.",
    "heif": "Install pillow-heif (or multi-edit[heic]), or convert it to JPEG or PNG and send it again.",
}


class _TiffFile(TiffImagePlugin.TiffImageFile):
    """Pillow's reader of TIFF, without its process-wide limit: the size has been checked."""

    def load_prepare(self) -> None:
        self.im = Image.new(self.mode, self.size).im
        super().load_prepare()


# The readers themselves, not Image.open: no other of Pillow's forty formats can be reached, and Pillow's
# process-wide pixel limit, which other packs change, has no say. AVIF is looked up in Pillow's
# registry, because only some installations have it; HEIC has decoders of its own (see heic.py).
_READERS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegImagePlugin.JpegImageFile,
    "png": PngImagePlugin.PngImageFile,
    "webp": WebPImagePlugin.WebPImageFile,
    "gif": GifImagePlugin.GifImageFile,
    "bmp": BmpImagePlugin.BmpImageFile,
    "tiff": _TiffFile,
}


@contextlib.contextmanager
def reading(name: str, kind: str) -> Iterator[None]:
    """Turn what the readers raise for a damaged, incomplete or unsupported file into InvalidImage."""
    try:
        yield
    except UnsupportedKind as error:
        raise InvalidImage(f"{name} {error}") from error
    except MissingPixels as error:
        raise InvalidImage(
            f"{name} is an incomplete {LABELS[kind]} file: {error}. Get the whole file and send it again."
        ) from error
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
        raise no_reader(kind, name)
    try:
        return reader(BytesIO(stream), "")
    except (SyntaxError, OSError) as error:
        if kind not in ("bmp", "tiff"):
            raise
        # Its structure has been checked: it is one of the many layouts that Pillow does not know.
        raise UnsupportedKind(
            f"is a {LABELS[kind]} of a kind that is not supported. Convert it to PNG and send it again."
        ) from error


def no_reader(kind: str, name: str) -> InvalidImage:
    """The error of a format that nothing installed reads."""
    return InvalidImage(f"{name} is {LABELS[kind]}, which nothing installed can read. {_NEXT_STEP[kind]}")


def _registered(kind: str) -> type[ImageFile.ImageFile] | None:
    Image.init()
    entry = Image.OPEN.get(kind.upper())
    return entry[0] if entry else None  # type: ignore[return-value]
