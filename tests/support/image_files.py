"""Image files of every format, mode, depth, profile and orientation, as a Hypothesis strategy."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from multiedit.pipelines.images.cicp import BT709
from PIL import Image

from .icc_files import CURVES, DISPLAY_P3, icc

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class GeneratedFile:
    """A file.

    Attributes:
        kind: its format as `sniff` names it.
        label: how it was made, for a failure's message.
    """

    data: bytes
    kind: str
    label: str

    def __repr__(self) -> str:
        return self.label


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    values: np.ndarray, depth: int, color: int, *chunks: tuple[bytes, bytes], interlaced: bool = False
) -> bytes:
    """A PNG of [H, W, C] values of so many bits."""
    height, width, _ = values.shape
    parts = [values[y::down, x::across] for x, y, across, down in ADAM7] if interlaced else [values]
    pixels = b"".join(_png_rows(part, depth) for part in parts if part.size)
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    body = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*each) for each in body)


def _png_rows(values: np.ndarray, depth: int) -> bytes:
    flat = values.reshape(len(values), -1)
    if depth == 16:
        packed = flat.astype(">u2").view(np.uint8).reshape(len(flat), -1)
    else:  # the low bits of each value, packed
        bits = np.unpackbits(flat.astype(np.uint8)[..., None], axis=2)[..., 8 - depth :]
        packed = np.packbits(bits.reshape(len(flat), -1), axis=1)
    return np.pad(packed, ((0, 0), (1, 0))).tobytes()


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif.tobytes()


def _saved(image: Image.Image, kind: str, **parameters: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **{name: value for name, value in parameters.items() if value is not None})
    return buffer.getvalue()


@st.composite
def _images(draw: st.DrawFn, modes: tuple[str, ...]) -> Image.Image:
    mode = draw(st.sampled_from(modes))
    width, height = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    cells = random.integers(0, 256, (height // 5 + 1, width // 5 + 1, 4), np.uint8)
    image = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
    if mode == "P":
        return image.convert("RGB").quantize(16)
    if mode == "LA":
        grey = image.convert("L")
        grey.putalpha(image.getchannel("A"))
        return grey
    return image if mode == "RGBA" else image.convert("RGB").convert(mode)


def _profile(draw: st.DrawFn, grey: bool, wide: bool = True) -> bytes | None:
    """None, sRGB itself, or one that changes the colours."""
    # Not the curves that littleCMS joins to sRGB's by a short table, up to 10 levels from what they say.
    curve = CURVES[draw(st.sampled_from(["gamma", "sRGB"]))]
    gamut = DISPLAY_P3 if wide and draw(st.booleans()) else BT709
    profile = icc(curve, space=b"GRAY") if grey else icc(curve, gamut)
    return draw(st.sampled_from([None, profile]))


@st.composite
def png_files(draw: st.DrawFn) -> GeneratedFile:
    color = draw(st.sampled_from(sorted(_PNG_DEPTHS)))
    depth = draw(st.sampled_from(_PNG_DEPTHS[color]))
    interlaced = draw(st.booleans())
    orientation = draw(st.integers(1, 8))
    shape = draw(st.integers(1, 40)), draw(st.integers(1, 40)), _PNG_CHANNELS[color]
    random = np.random.default_rng(draw(st.integers(0, 999)))
    values = random.integers(0, 1 << depth, shape)
    chunks = []
    # At 16 bits libvips goes by Lab, which does not clip what lies outside sRGB as a direct conversion does.
    profile = _profile(draw, grey=color in (0, 4), wide=depth < 16)
    if profile is not None:
        chunks.append((b"iCCP", b"p\x00\x00" + zlib.compress(profile)))
    if color == 3:
        chunks.append((b"PLTE", random.integers(0, 256, 3 << depth, np.uint8).tobytes()))
    transparent = color in (0, 2, 3) and draw(st.booleans())
    if transparent:
        level = values[0, 0].astype(">u2").tobytes()
        chunks.append((b"tRNS", b"\x00\x80" if color == 3 else level))
    chunks.append((b"eXIf", _exif(orientation).removeprefix(b"Exif\x00\x00")))
    label = f"PNG of type {color}, {depth} bits, {shape}, {interlaced=} {transparent=} {orientation=}"
    data = png(values, depth, color, *chunks, interlaced=interlaced)
    return GeneratedFile(data, "png", f"{label}, profile={profile is not None}")


@st.composite
def jpeg_files(draw: st.DrawFn) -> GeneratedFile:
    image = draw(_images(("L", "RGB")))
    options = {
        "quality": draw(st.integers(40, 95)),
        "subsampling": draw(st.sampled_from([0, 1, 2])),
        "progressive": draw(st.booleans()),
        "optimize": draw(st.booleans()),
        "restart_marker_blocks": draw(st.sampled_from([0, 3])),
    }
    profile, orientation = _profile(draw, grey=image.mode == "L"), draw(st.integers(1, 8))
    data = _saved(image, "JPEG", exif=_exif(orientation), icc_profile=profile, **options)
    label = f"JPEG {image.mode} {image.size} {options} {orientation=} profile={profile is not None}"
    return GeneratedFile(data, "jpeg", label)


def _other(
    kind: str, modes: tuple[str, ...], options: Callable[[st.DrawFn, Image.Image], dict[str, object]]
) -> st.SearchStrategy[GeneratedFile]:
    @st.composite
    def files(draw: st.DrawFn) -> GeneratedFile:
        image = draw(_images(modes))
        chosen = options(draw, image)
        label = f"{kind} {image.mode} {image.size} {sorted(chosen)}"
        return GeneratedFile(_saved(image, kind, **chosen), kind.lower(), label)

    return files()


def _webp(draw: st.DrawFn, image: Image.Image) -> dict[str, object]:
    return {
        "lossless": True, "exact": True, "exif": _exif(draw(st.integers(1, 8))),
        "icc_profile": _profile(draw, grey=False),
    }  # fmt: skip


def _gif(draw: st.DrawFn, image: Image.Image) -> dict[str, object]:
    return {"interlace": draw(st.integers(0, 1)), "transparency": draw(st.sampled_from([None, 3]))}


def _tiff(draw: st.DrawFn, image: Image.Image) -> dict[str, object]:
    colors = {"L": True, "LA": True, "RGB": False, "RGBA": False}
    profile = _profile(draw, grey=colors[image.mode]) if image.mode in colors else None
    return {
        "compression": draw(st.sampled_from([None, "tiff_lzw", "tiff_adobe_deflate", "packbits"])),
        "tiffinfo": {_ORIENTATION: draw(st.integers(1, 8))},
        "icc_profile": profile,
    }


def _avif(draw: st.DrawFn, image: Image.Image) -> dict[str, object]:
    return {"quality": draw(st.integers(60, 95)), "subsampling": "4:4:4", "speed": 10}


FILES: dict[str, st.SearchStrategy[GeneratedFile]] = {
    "png": png_files(),
    "jpeg": jpeg_files(),
    "webp": _other("WEBP", ("RGB", "RGBA"), _webp),
    "gif": _other("GIF", ("P",), _gif),
    "tiff": _other("TIFF", ("1", "L", "LA", "P", "RGB", "RGBA"), _tiff),
    "bmp": _other("BMP", ("1", "L", "P", "RGB", "RGBA"), lambda draw, image: {}),
    "avif": _other("AVIF", ("RGB", "RGBA"), _avif),
}
"""A strategy for each format; AVIF needs a Pillow that writes it."""
