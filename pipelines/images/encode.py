"""Encode pixels to an image file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
from PIL import Image
from torch import Tensor

from ..common.errors import EditFailed, OutputError
from .color import Levels
from .metadata import JPEG_EXIF_LIMIT, dropped, fit_exif, png_text, without_recipe

Format = Literal["png", "jpeg", "webp"]
Subsampling = Literal["4:4:4", "4:2:0"]

MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}

# Level 1 takes half of level 4's time (ComfyUI's) for 7 to 10 % more bytes; WebP's method 2 half of the
# default's (4) for the same bytes.
_PNG_LEVEL = 1
_WEBP_METHOD = 2
_MAX_SIDE: dict[Format, int] = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}
_STRIP_VALUES = 1 << 18


@dataclass(frozen=True)
class EncodeOptions:
    """The settings of an image file.

    Attributes:
        quality: 1..100 for jpeg and lossy webp. At 95 photographs come back with a PSNR of 40 dB as jpeg
            and 38 dB as webp (whose colour is always 4:2:0), in 0.3 and 0.2 of a png's bytes.
        subsampling: of jpeg's colour. 4:2:0 saves a quarter of the bytes and costs 3 dB, most at
            coloured edges, which pasted objects and text have.
        lossless: webp only; `quality` is then ignored.
        background: what shows through alpha in a jpeg, sRGB 0..1. Mixed in sRGB as browsers do, so that the
            jpeg looks as the png does on a page of that colour.
    """

    format: Format = "png"
    quality: int = 95
    subsampling: Subsampling = "4:4:4"
    lossless: bool = False
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Encoded:
    """An image file.

    Attributes:
        dropped_metadata: names of what the file does not say (see `metadata.dropped`).
    """

    data: bytes
    media_type: str
    dropped_metadata: tuple[str, ...]


def encode(
    image: Tensor,
    options: EncodeOptions,
    metadata: Mapping[str, str] | None = None,
    *,
    blurred: bool = False,
) -> Encoded:
    """Encode one image.

    Args:
        image: float [H, W, 3 or 4], sRGB, straight alpha; values are clamped to 0..1 and rounded to the
            nearest of 256 levels.
        metadata: JSON texts by name: `prompt`, `workflow`, `multiedit` (see `metadata`).
        blurred: safe mode has blurred the image, so the file carries no recipe.

    Raises:
        EditFailed: a value is NaN or infinite, which no edit that worked gives.
        OutputError: the format cannot hold an image of this size.
    """
    height, width = image.shape[:2]
    if max(width, height) > _MAX_SIDE[options.format]:
        raise OutputError(
            f"the result is {width}x{height}; a {options.format} file has at most "
            f"{_MAX_SIDE[options.format]} px a side. Ask for png, or for a smaller size."
        )
    offered = dict(metadata or {})
    wanted = without_recipe(offered) if blurred else offered
    pillow = Image.fromarray(to_levels(image, _background(options)))
    if options.format == "png":
        kept = wanted
        parameters: dict[str, Any] = {"compress_level": _PNG_LEVEL, "pnginfo": png_text(wanted)}
    else:
        limit = JPEG_EXIF_LIMIT if options.format == "jpeg" else 2**31
        exif, kept = fit_exif(wanted, limit)
        parameters = _lossy_parameters(options) | ({"exif": exif} if kept else {})
    buffer = BytesIO()
    pillow.save(buffer, options.format, **parameters)
    return Encoded(buffer.getvalue(), MEDIA_TYPES[options.format], dropped(offered, kept))


def _background(options: EncodeOptions) -> tuple[float, float, float] | None:
    return options.background if options.format == "jpeg" else None


def _lossy_parameters(options: EncodeOptions) -> dict[str, Any]:
    if options.format == "jpeg":
        return {"quality": options.quality, "subsampling": options.subsampling}
    # For lossless WebP "quality" is effort: 0 is twice as fast as 20 for 8 % more bytes. `exact` keeps
    # the colour under alpha 0.
    effort = 0 if options.lossless else options.quality
    return {"lossless": options.lossless, "quality": effort, "method": _WEBP_METHOD, "exact": True}


def to_levels(image: Tensor, background: tuple[float, float, float] | None = None) -> Levels:
    """Round float [H, W, 3 or 4] to uint8 levels; with a background alpha is mixed onto it and gone.

    Raises:
        EditFailed: a value is NaN or infinite.
    """
    pixels = image.detach().float().cpu().numpy()
    height, width, channels = pixels.shape
    flatten = background is not None and channels == 4
    levels = np.empty((height, width, 3 if flatten else channels), np.uint8)
    rows = max(1, _STRIP_VALUES // (width * channels))
    for top in range(0, height, rows):
        strip = pixels[top : top + rows]
        if not np.isfinite(strip).all():
            raise EditFailed(
                "the edited image has values that are NaN or infinite. Try another seed, or run the model "
                "in a higher precision."
            )
        if flatten:
            strip = _on_background(strip, background)
        scaled = strip * np.float32(255)
        scaled += np.float32(0.5)
        levels[top : top + rows] = scaled.clip(0, 255)
    return levels


def _on_background(strip: Any, background: Any) -> Any:
    alpha = strip[..., 3:].clip(0.0, 1.0)
    return strip[..., :3] * alpha + np.float32(background) * (1 - alpha)
