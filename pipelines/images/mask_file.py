"""Write edit masks as files: grey, white where the image may change."""

from __future__ import annotations

from io import BytesIO

from PIL import Image
from torch import Tensor

from ..common.errors import InvalidImage
from ..common.settings import Limits
from .decode import decode, image_from
from .encode import to_levels
from .header import read_header


def mask_from_alpha(data: bytes, limits: Limits, name: str) -> bytes:
    """Make a grey PNG, white where the image is transparent: an edit mask, white = change here.

    Raises:
        InvalidImage: it is not a readable image, or has no transparency.
    """
    image = image_from(decode(data, read_header(data, limits, name), name))
    if image.shape[-1] != 4 or bool((image[..., 3] == 1).all()):
        raise InvalidImage(
            f"{name} has no transparency. Make the parts to change transparent, or send the mask as a "
            "further image, white where it may change."
        )
    return mask_file(1 - image[..., 3])


def mask_file(mask: Tensor) -> bytes:
    """Write the PNG of an edit mask [1, H, W], 0..1, 1 = change here; in 8 bits."""
    levels = to_levels(mask[0, ..., None])
    buffer = BytesIO()
    Image.fromarray(levels[..., 0]).save(buffer, "png", compress_level=1)
    return buffer.getvalue()
