"""Read an input image of an edit, a file or a tensor: its facts for the plan, and its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..common.settings import Limits
from ..common.types import Size
from .facts import ImageFacts
from .header import ImageHeader, read_header

if TYPE_CHECKING:
    from torch import Tensor

    from .decode import Raster

_GREY_SPREAD = 8  # levels between a pixel's channels, which JPEG's colour coding leaves in a grey image
_EXTREME = 16  # levels from black or white
_EXTREME_SHARE = 0.9
_SAMPLE_SIDE = 256  # a mask is detected by a sample of about this many pixels a side


class PixelSource(Protocol):
    """An image as an adapter reads it: its size, and its pixels at a size."""

    @property
    def size(self) -> Size: ...

    def image(self, size: Size | None = None) -> Tensor: ...

    def mask(self, size: Size | None = None) -> Tensor: ...


class ImageFile:
    """A checked image file.

    Args:
        data: the file's bytes.
        name: of the image in messages: "image 2".

    Raises:
        InvalidImage: the header is damaged, or outside the limits.
    """

    def __init__(self, data: bytes, limits: Limits, name: str) -> None:
        self.name = name
        self.header: ImageHeader = read_header(data, limits, name)
        self.data = data
        self._raster: Raster | None = None

    @property
    def size(self) -> Size:
        """(width, height) in pixels, upright."""
        return self.header.width, self.header.height

    def facts(self, detect_mask: bool) -> ImageFacts:
        """Return the facts for the plan; with `detect_mask` the pixels are decoded to detect a mask."""
        return ImageFacts(*self.size, detect_mask and _looks_like_mask(self._sample()), self.header.notes)

    def image(self, size: Size | None = None) -> Tensor:
        """float32 [1, H, W, 3 or 4], 0..1, sRGB, straight alpha, resized to (width, height)."""
        from .decode import image_from

        return image_from(self._raster_for(size), size)

    def mask(self, size: Size | None = None) -> Tensor:
        """float32 [1, H, W]: the image as an edit mask, white = 1 = change here."""
        from .decode import mask_from

        return mask_from(self._raster_for(size), size)

    def _sample(self) -> Raster:
        """Decode pixels to sample; what cannot be decoded at a reduced size is kept for later."""
        raster = self._raster_for((_SAMPLE_SIDE, _SAMPLE_SIDE))
        if raster.pixels.shape[:2] == (self.header.height, self.header.width):
            self._raster = raster
        return raster

    def _raster_for(self, size: Size | None) -> Raster:
        """The pixels at no less than `size`; a JPEG that will be shrunk need not be decoded in full."""
        from .decode import decode

        return self._raster or decode(self.data, self.header, self.name, size)


class ImageTensor:
    """An image that is a tensor already, on whatever device; nothing is rounded to 8 bits.

    Args:
        pixels: float [1, H, W, 3 or 4], 0..1, sRGB, straight alpha; or an edit mask [1, H, W],
            1 = change here.
    """

    def __init__(self, pixels: Tensor) -> None:
        self._pixels = pixels.float()

    @property
    def size(self) -> Size:
        """(width, height) in pixels."""
        return self._pixels.shape[2], self._pixels.shape[1]

    def facts(self) -> ImageFacts:
        """Return the facts for the plan; the caller knows whether it is a mask."""
        return ImageFacts(*self.size)

    def image(self, size: Size | None = None) -> Tensor:
        """float32 [1, H, W, 3 or 4]; the given tensor itself where the size fits."""
        from .resample import resize

        return self._pixels if size is None else resize(self._pixels, size)

    def mask(self, size: Size | None = None) -> Tensor:
        """float32 [1, H, W], 0..1, 1 = change here."""
        from .resample import resize_mask

        return resize_mask(self._pixels, size or self.size).clamp(0.0, 1.0)


def _looks_like_mask(raster: Raster) -> bool:
    """Grey everywhere, and at least 90 % of the pixels within 16/255 of black or white; opaque."""
    import torch

    height, width, channels = raster.pixels.shape
    sample = raster.pixels[:: height // _SAMPLE_SIDE + 1, :: width // _SAMPLE_SIDE + 1]
    levels = (sample * 255).round() if sample.dtype == torch.float32 else sample.float()
    if channels in (2, 4) and bool((levels[..., -1] < 255).any()):
        return False
    low, high = torch.aminmax(levels[..., : 3 if channels >= 3 else 1], dim=-1)
    extreme = ((high <= _EXTREME) | (low >= 255 - _EXTREME)).float().mean()
    return bool((high - low).max() <= _GREY_SPREAD and extreme >= _EXTREME_SHARE)
