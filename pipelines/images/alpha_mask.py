"""An edit mask from a picture's transparency, for callers whose masks say it so."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

from ..errors import InvalidImage
from ..limits import Limits
from .decode import decode, image_from
from .encode import to_levels
from .header import read_header


def mask_from_alpha(data: bytes, limits: Limits, name: str) -> bytes:
    """A grey PNG, white where the picture is transparent: "change here", as the edit masks here have it.

    Raises:
        InvalidImage: it is no picture, or has no transparency.
    """
    image = image_from(decode(data, read_header(data, limits, name), name))
    if image.shape[-1] != 4:
        raise InvalidImage(
            f"{name} has no transparency. Make the places that may change transparent, or send the mask as a "
            "further image, white where it may change."
        )
    levels = to_levels(1 - image[0, ..., 3:])
    buffer = BytesIO()
    Image.fromarray(levels[..., 0]).save(buffer, "png", compress_level=1)
    return buffer.getvalue()
