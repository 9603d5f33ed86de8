"""Read an input image of an edit, a file or a tensor: its facts for the plan, and its pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ..common.settings import Limits
from ..common.types import Size
from .facts import ImageFacts, MaskSelection
from .header import ImageHeader, read_header

if TYPE_CHECKING:
    from torch import Tensor

    from .decode import Raster


class PixelSource(Protocol):
    """An image as an adapter reads it: its size, and its pixels at a size."""

    @property
    def size(self) -> Size: ...

    def image(self, size: Size | None = None) -> Tensor: ...

    def mask(self, size: Size | None = None) -> Tensor: ...

    def forget_pixels(self) -> None:
        """Free the pixels that can be had again, which they are where they are asked for."""
        ...


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

    def facts(self, detect_mask: bool, is_mask: bool = False) -> ImageFacts:
        """Return the facts for the plan; the pixels are decoded to detect a mask, or where it is one.

        Raises:
            InvalidRequest: as a mask it is ambiguous (see `edit_mask`).
        """
        facts = ImageFacts(*self.size, notes=self.header.notes)
        if not (detect_mask or is_mask):
            return facts
        from .edit_mask import looks_like_mask

        sample = self._sample()
        detected = not is_mask and looks_like_mask(sample)
        selection = self._selection(sample) if detected or is_mask else None
        return replace(facts, looks_like_mask=detected, selection=selection)

    def image(self, size: Size | None = None) -> Tensor:
        """float32 [1, H, W, 3 or 4], 0..1, sRGB, straight alpha, resized to (width, height)."""
        from .decode import image_from

        return image_from(self._raster_for(size), size)

    def mask(self, size: Size | None = None) -> Tensor:
        """float32 [1, H, W]: the image as an edit mask, 1 = change here (see `edit_mask`)."""
        from .decode import mask_from
        from .edit_mask import read_edit_mask

        return mask_from(read_edit_mask(self._raster_for(size), self.name).raster, size)

    def forget_pixels(self) -> None:
        """See `PixelSource.forget_pixels`: those that `facts` has decoded."""
        self._raster = None

    def _selection(self, sample: Raster) -> MaskSelection:
        from .edit_mask import read_edit_mask
        from .levels import FAINTEST, MASK_EDGE

        read = read_edit_mask(sample, self.name)
        share, clear = (self._share(read.raster, sample, faintest) for faintest in (MASK_EDGE, FAINTEST))
        return MaskSelection((share,), read.meaning, (clear,) if clear != share else ())

    def _share(self, mask: Raster, sample: Raster, faintest: float) -> float:
        from .edit_mask import share_selected

        share = share_selected(mask, faintest)
        if share in (0.0, 1.0) and sample is not self._raster:  # a reduced JPEG has lost its single pixels
            share = share_selected(self._raster_for(None), faintest)
        return share

    def _sample(self) -> Raster:
        """Decode pixels to sample; what cannot be decoded at a reduced size is kept for later."""
        from .edit_mask import SAMPLE_SIDE

        raster = self._raster_for((SAMPLE_SIDE, SAMPLE_SIDE))
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

    def forget_pixels(self) -> None:
        """See `PixelSource.forget_pixels`: these are somebody else's."""
