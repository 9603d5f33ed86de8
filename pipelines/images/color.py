"""Any Pillow picture to plain sRGB levels: modes, palettes, transparency, CMYK and ICC profiles."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

logger = logging.getLogger(__name__)

Levels = NDArray[Any]  # [H, W, C] uint8, or float32 0..1; C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA

_STRIP_PIXELS = 1 << 16

# Mode -> the same picture in 8-bit levels, without and with transparency.
_LEVEL_MODES: dict[str, tuple[str, str]] = {
    "1": ("L", "LA"),
    "L": ("L", "LA"),
    "LA": ("LA", "LA"),
    "La": ("LA", "LA"),
    "P": ("RGB", "RGBA"),
    "PA": ("RGBA", "RGBA"),
    "RGB": ("RGB", "RGBA"),
    "RGBX": ("RGB", "RGB"),
    "RGBA": ("RGBA", "RGBA"),
    "RGBa": ("RGBA", "RGBA"),
    "CMYK": ("RGB", "RGB"),
    "YCbCr": ("RGB", "RGB"),
    "HSV": ("RGB", "RGB"),
}
# Mode -> white. Pillow 10 reads 16-bit grey PNG as I; F follows Pillow's own scale of 0..255.
_DEEP_MODES: dict[str, float] = {"I;16": 65535, "I;16B": 65535, "I;16L": 65535, "I": 65535, "F": 255}
# Pillow's mode -> colour space signature of a profile that fits it.
_PROFILE_SPACES: dict[str, str] = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError)


def foreign_transform(image: Image.Image, name: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a picture's ICC profile to sRGB, or None where its values are sRGB or count as such.

    A profile that cannot be read or does not fit the pixels is ignored, with a line in the log.

    Args:
        name: what the log calls the picture.
    """
    if image.mode == "LAB":
        return _transform(ImageCms.createProfile("LAB"), "LAB")
    icc = image.info.get("icc_profile")
    if not icc or image.mode in _DEEP_MODES:
        return None
    mode = _opaque_mode(image)
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(icc))
        space = profile.profile.xcolor_space.strip()
        if space != _PROFILE_SPACES[mode]:
            logger.warning("%s has a colour profile for %s, not %s; it counts as sRGB.", name, space, mode)
            return None
        transform = _transform(profile, mode)
    except _PROFILE_ERRORS as error:
        logger.warning("%s has a colour profile that cannot be read (%s); it counts as sRGB.", name, error)
        return None
    return None if mode == "RGB" and _changes_nothing(transform) else transform


def to_srgb(
    image: Image.Image, transform: ImageCms.ImageCmsTransform | None = None, depth: int = 8
) -> Levels:
    """The pixels of a picture as stored (not turned), in sRGB with straight alpha.

    CMYK without a profile is converted by Pillow's plain formula.

    Args:
        transform: what `foreign_transform` gave for this picture.
        depth: bits a grey level has in the file, which is the scale of its transparent level.

    Returns:
        [H, W, C] uint8; float32 0..1 for modes of more than 8 bits.
    """
    if image.mode in _DEEP_MODES:
        return _deep_grey(image)
    if depth < 8 and image.mode == "L" and "transparency" in image.info:
        image.info["transparency"] *= 255 // ((1 << depth) - 1)
    if transform is not None:
        return _through_profile(image, transform)
    return levels_of(_in_levels(image))


def levels_of(image: Image.Image) -> Levels:
    """Pixels of an L, LA, RGB, RGBA or RGBX picture, [H, W, C] uint8, writable."""
    levels = np.empty((image.height, image.width, len(image.getbands())), np.uint8)
    for rows, strip in strips_of(image):
        levels[rows] = strip
    return levels


def strips_of(image: Image.Image) -> Iterator[tuple[slice, Levels]]:
    """The rows and pixels [rows, W, C] of an image, strip by strip, in the type that Pillow has them in.

    Pillow packs a whole image into a list of chunks and joins them, which takes twice the time and memory.
    """
    channels = len(image.getbands())
    image.load()
    for rows in strip_rows(image.height, image.width):
        # Not Image.crop, where Pillow's process-wide limit has a say.
        strip = image._new(image.im.crop((0, rows.start, image.width, rows.stop)))
        yield rows, np.asarray(strip).reshape(strip.height, image.width, channels)


def strip_rows(height: int, width: int) -> Iterator[slice]:
    """The rows of an image in strips that stay in the cache with a copy."""
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def straight_alpha(levels: Levels) -> Levels:
    """Convert [H, W, 2 or 4] from premultiplied to straight alpha."""
    white = 255 if levels.dtype == np.uint8 else 1
    alpha = levels[..., -1:].astype(np.float32)
    colors = np.minimum(levels[..., :-1] * (white / np.maximum(alpha, 1e-6)), white)
    colors = colors.round() if white == 255 else colors
    return np.concatenate([colors.astype(levels.dtype), levels[..., -1:]], axis=2)


def _in_levels(image: Image.Image) -> Image.Image:
    target = _LEVEL_MODES[image.mode]["transparency" in image.info]
    return image if image.mode == target else image.convert(target)


def _deep_grey(image: Image.Image) -> Levels:
    white = np.float32(_DEEP_MODES[image.mode])
    transparent = image.info.get("transparency")
    levels: Levels = np.empty((image.height, image.width, 1 + (transparent is not None)), np.float32)
    for rows, strip in strips_of(image):
        levels[rows, :, :1] = np.clip(strip / white, 0.0, 1.0)
        if transparent is not None:
            levels[rows, :, 1:] = strip != transparent
    return levels


def _through_profile(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Levels:
    fits = image.mode == transform.input_mode and "transparency" not in image.info
    source = image if fits else _in_levels(image)
    opaque = source if source.mode == transform.input_mode else source.convert(transform.input_mode)
    if transform.input_mode == "L":  # by a table; a grey profile gives neutral colours
        ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None])
        levels: Levels = levels_of(transform.apply(ramp))[0, :, 0][levels_of(opaque)]
    else:
        levels = levels_of(transform.apply(opaque))
    if source.mode not in ("LA", "RGBA"):
        return np.ascontiguousarray(levels)
    return np.concatenate([levels, levels_of(source.getchannel("A"))], axis=2)


def _opaque_mode(image: Image.Image) -> str:
    """The mode that a profile of this picture has to describe."""
    return image.mode if image.mode == "CMYK" else _LEVEL_MODES[image.mode][0].removesuffix("A")


def _transform(profile: Any, mode: str) -> ImageCms.ImageCmsTransform:
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if mode == "L":  # littleCMS joins two grey curves in 8 bits, which puts a linear profile 10 levels off
        flags |= ImageCms.Flags.NOOPTIMIZE
    return ImageCms.buildTransform(
        profile,
        _srgb_profile(),
        mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags,
    )


@functools.lru_cache(maxsize=1)
def _srgb_profile() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@functools.lru_cache(maxsize=1)
def _colour_cube() -> Image.Image:
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1)
    return Image.fromarray(cube.reshape(27, 27, 3))


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether the profile is sRGB itself, as most are, whatever name it has."""
    cube = _colour_cube()
    converted = transform.apply(cube)
    return int(np.abs(np.asarray(converted, np.int16) - np.asarray(cube, np.int16)).max()) <= 1
