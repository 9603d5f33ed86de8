"""Picture files to pixels: sRGB, upright, straight alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageFile
from torch import Tensor

from ..common.threads import in_parallel
from .color import Levels, foreign_transform, strip_rows, to_srgb
from .color_model import to_srgb_levels
from .container import Container
from .containers import read_container
from .deep_color import apply_profile
from .deep_levels import deep_levels
from .fast_path import decode_fast
from .header import ImageHeader
from .heic import decode_heic
from .incomplete import require_all_rows, whole
from .levels import empty_float, luma, resize_levels, to_float
from .orientation import upright, upright_size
from .readers import open_image, reading
from .resample import resize, resize_mask


@dataclass(frozen=True)
class Raster:
    """Decoded pixels.

    Attributes:
        pixels: [H, W, C] uint8, or float32 0..1 where the source has more than 8 bits a channel.
            C = 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA; sRGB, straight alpha, upright.
    """

    pixels: Tensor


class DecodeJob(NamedTuple):
    """The arguments of one `decode`."""

    data: bytes
    header: ImageHeader
    name: str = "image"
    at_least: tuple[int, int] | None = None


def decode(
    data: bytes, header: ImageHeader, name: str = "image", at_least: tuple[int, int] | None = None
) -> Raster:
    """Decode the first picture of a file.

    Args:
        data: the file that `header` was read from.
        name: what messages call the picture.
        at_least: (width, height) that the picture will be scaled down to. A JPEG is then decoded at 1/2,
            1/4 or 1/8 of its size, as long as neither side falls below this.

    Raises:
        InvalidImage: the file is damaged or incomplete.
    """
    with reading(name, header.format):
        container = whole(read_container(data, header.format), header.format, name)
        if header.format == "heif":
            levels = _heic_levels(container, header, name)
        else:
            levels = _cropped(_stored_levels(container.stream(), header, name, at_least), container)
            if header.format == "jpeg":
                require_all_rows(levels, container, name)
            levels = upright(levels, header.orientation)
        if header.color is not None:
            levels = to_srgb_levels(levels, header.color.model())
    return Raster(torch.from_numpy(levels))


def decode_many(jobs: Sequence[DecodeJob]) -> list[Raster]:
    """Decode in parallel threads (the decoders release the interpreter lock), in the order given.

    Raises:
        InvalidImage: as `decode`, for the first bad picture in order.
    """
    return list(in_parallel(lambda job: decode(*job), jobs))


def _stored_levels(stream: bytes, header: ImageHeader, name: str, at_least: tuple[int, int] | None) -> Levels:
    def opened() -> ImageFile.ImageFile:
        return open_image(stream, header.format, name)

    if header.format in ("png", "tiff") and header.depth == 16:
        deep = deep_levels(opened)
        image = opened()
        icc = image.info.get("icc_profile") or b""
        return apply_profile(to_srgb(image) if deep is None else deep, icc, name)
    image = opened()
    if at_least is not None:
        image.draft(None, upright_size(at_least, header.orientation))
    transform = foreign_transform(image, name)
    if transform is None and upright_size(image.size, header.orientation) == (header.width, header.height):
        fast = decode_fast(stream, header)
        if fast is not None:
            return fast
    levels = to_srgb(image, transform, header.depth)
    if header.format == "bmp" and levels.shape[2] == 4 and not levels[..., 3].any():
        return np.ascontiguousarray(levels[..., :3])  # writers that mean no alpha leave it 0
    return levels


def _heic_levels(container: Container, header: ImageHeader, name: str) -> Levels:
    """Cropped and upright, with the profile applied."""
    if container.iso is None:
        raise ValueError("the file has no description of its picture")
    levels = decode_heic(container.stream(), container.iso)
    if levels.shape[1::-1] != (header.width, header.height):
        raise ValueError("the coded frame has another size than the file says")
    if levels.dtype != np.uint8:
        return apply_profile(levels, container.iso.icc, name)
    image = Image.fromarray(levels[..., 0] if levels.shape[2] == 1 else levels)
    image.info["icc_profile"] = container.iso.icc
    return to_srgb(image, foreign_transform(image, name))


def _cropped(levels: Levels, container: Container) -> Levels:
    if container.iso is None:
        return levels
    if levels.shape[1::-1] != container.iso.stored:
        raise ValueError("the coded frame has another size than the file says")
    if container.iso.size == container.iso.stored:
        return levels
    left, top, right, bottom = container.iso.crop
    return np.ascontiguousarray(levels[top:bottom, left:right])


def image_from(raster: Raster, size: tuple[int, int] | None = None) -> Tensor:
    """A picture for the pipeline, resized to (width, height) with Lanczos.

    Returns:
        float32 [1, H, W, 3], or [1, H, W, 4] where the source has alpha; 0..1, sRGB, straight alpha.
        Without alpha, 8-bit sources are resized in 8 bits. Deep colour that is not resized shares the
        raster's memory.
    """
    pixels = raster.pixels
    channels = pixels.shape[2]
    if channels > 2 and pixels.dtype != torch.uint8:
        return pixels[None] if size is None else resize(pixels[None], size)
    has_alpha = channels in (2, 4)
    if pixels.dtype == torch.uint8 and size is not None and not has_alpha:
        pixels = resize_levels(pixels, size)
    image = empty_float(1, *pixels.shape[:2], 4 if has_alpha else 3)
    colour = channels - has_alpha
    _write(pixels[..., :colour], image[0, ..., :3])
    if has_alpha:
        _write(pixels[..., colour:], image[0, ..., 3:])
    return image if size is None else resize(image, size)


def mask_from(raster: Raster, size: tuple[int, int] | None = None) -> Tensor:
    """A picture as an edit mask: white = 1 = change here, transparent = 0.

    Grey counts as it stands, colour by its luma (Rec. 601, as Pillow's L), and alpha multiplies. See
    `resize_mask` for how it is resized.

    Returns:
        float32 [1, H, W], 0..1.
    """
    pixels = raster.pixels
    if pixels.shape[2] == 1 and size is not None:  # in the source's own depth, which is less to read
        pixels = resize_mask(pixels[None, ..., 0], size)[0, ..., None]
    mask = empty_float(*pixels.shape[:2])
    for rows in strip_rows(*mask.shape):
        values = empty_float(*pixels[rows].shape)
        _write(pixels[rows], values)
        mask[rows] = luma(values) if pixels.shape[2] >= 3 else values[..., 0]
        if pixels.shape[2] in (2, 4):
            mask[rows] *= values[..., -1]
    return resize_mask(mask[None], size or (mask.shape[1], mask.shape[0])).clamp_(0.0, 1.0)


def _write(pixels: Tensor, target: Tensor) -> None:
    if pixels.dtype == torch.uint8:
        to_float(pixels, target)
    else:
        target.copy_(pixels.expand_as(target))
