"""HEIC images to levels, through whichever decoder is installed: pillow-heif, or PyAV (ComfyUI has it)."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .color import straight_alpha
from .iso_media import IsoImage, item_body, read_grid
from .orientation import upright

Levels = NDArray[Any]

DECODERS = ("pillow_heif", "av")
"""Modules that read HEIC, the first that is installed is used."""

_STRIP_ROWS = 128
_LIMITED = 1  # AVCOL_RANGE_MPEG
# matrix_coefficients -> weights of red and blue (H.273, table 4); 2 is unspecified, which HEIF has as BT.601.
_WEIGHTS = {
    1: (0.2126, 0.0722), 2: (0.299, 0.114), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114),
    7: (0.212, 0.087), 9: (0.2627, 0.0593),
}  # fmt: skip


def installed_decoder() -> str | None:
    """The name of the module that will decode HEIC, or None."""
    return next((name for name in DECODERS if importlib.util.find_spec(name) is not None), None)


def decode_heic(stream: bytes, image: IsoImage) -> Levels:
    """Decode the image of a HEIC file.

    Args:
        stream: the file.
        image: its description, from `read_image`.

    Returns:
        [H, W, 1 to 4] as stored in sense of colour, cropped and upright; uint8, or float32 0..1 where a
        channel has more than 8 bits.

    Raises:
        ValueError, RuntimeError, OSError: the file is damaged.
    """
    decoder = installed_decoder()
    if decoder == "pillow_heif":
        levels = _through_pillow_heif(stream)
    else:
        levels = upright(_through_av(stream, image), image.orientation)
    if image.file.targets(b"prem", image.item) and levels.shape[2] in (2, 4):
        levels = straight_alpha(levels)
    return levels


def _through_pillow_heif(stream: bytes) -> Levels:
    """libheif applies the crop, the rotation and the mirroring itself."""
    module = importlib.import_module("pillow_heif")
    image = module.open_heif(BytesIO(stream), convert_hdr_to_8bit=False)
    levels = np.asarray(image)
    levels = levels[..., None] if levels.ndim == 2 else levels
    if levels.dtype == np.uint8:
        return np.array(levels)
    depth = image.info["bit_depth"]  # in the upper bits of 16
    return _unit(levels >> 16 - depth, (1 << depth) - 1)


def _unit(levels: Levels, white: int) -> Levels:
    return np.asarray(levels.astype(np.float32) / np.float32(white))


def _through_av(data: bytes, image: IsoImage) -> Levels:
    levels = _plane_group(data, image, image.item, gray=False)
    if levels.shape[1::-1] != image.stored:
        raise ValueError("the coded frame has another size than the file says")
    if image.alpha is not None:
        levels = np.concatenate([levels, _alpha(data, image, image.alpha)], axis=2)
    left, top, right, bottom = image.crop
    return np.ascontiguousarray(levels[top:bottom, left:right])


def _alpha(data: bytes, image: IsoImage, item: int) -> Levels:
    """The alpha plane at the image's size: it may have another, and is then scaled as libheif does."""
    alpha = _plane_group(data, image, item, gray=True)
    width, height = image.stored
    rows = np.arange(height) * alpha.shape[0] // height
    columns = np.arange(width) * alpha.shape[1] // width
    return np.asarray(alpha[rows][:, columns])


def _plane_group(data: bytes, image: IsoImage, item: int, gray: bool) -> Levels:
    """An item's pixels, put together where it is a grid: [H, W, 1 or 3]; `gray`: the first channel."""
    grid = read_grid(image.file, item)
    if grid is None:
        return _decode_item(data, image, item, gray)
    canvas = None
    for index, tile in enumerate(grid.tiles):
        pixels = _decode_item(data, image, tile, gray)
        height, width, channels = pixels.shape
        if canvas is None:
            canvas = np.empty((grid.size[1], grid.size[0], channels), pixels.dtype)
        row, column = divmod(index, grid.columns)
        target = canvas[row * height : (row + 1) * height, column * width : (column + 1) * width]
        target[:] = pixels[: target.shape[0], : target.shape[1]]
    if canvas is None:
        raise ValueError("a grid has no tiles")
    return canvas


def _decode_item(data: bytes, image: IsoImage, number: int, gray: bool) -> Levels:
    """One coded image through libavcodec's HEVC decoder."""
    av = importlib.import_module("av")
    item = image.file.items[number]
    codec = av.CodecContext.create("hevc", "r")
    codec.extradata = item_body(data, item, b"hvcC")
    codec.thread_count = 1
    try:
        frames = [*codec.decode(av.Packet(bytes(image.file.content(item)))), *codec.decode(None)]
    except av.error.FFmpegError as error:
        raise ValueError("the HEVC decoder refuses the image") from error
    if not frames:
        raise ValueError("the HEVC decoder gives no image")
    return _pixels(frames[0], image, gray)


def _pixels(frame: Any, image: IsoImage, gray: bool) -> Levels:
    depth = frame.format.components[0].bits
    planes = list(_planes(frame, 1 if gray or len(frame.planes) == 1 else 3))
    white = (1 << depth) - 1
    if len(planes) == 1:
        return planes[0][..., None].copy() if depth == 8 else _unit(planes[0][..., None], white)
    height, width = planes[0].shape
    levels = np.empty((height, width, 3), np.uint8 if depth == 8 else np.float32)
    matrix, limited = _coding(frame, image)
    for top in range(0, height, _STRIP_ROWS):
        bottom = min(top + _STRIP_ROWS, height)
        strip = _to_rgb(_upsampled(planes, top, bottom), depth, matrix, limited)
        levels[top:bottom] = strip * 255 + 0.5 if depth == 8 else strip
    return levels


def _planes(frame: Any, count: int) -> Iterator[Levels]:
    for plane in frame.planes[:count]:
        kind = np.dtype("u1" if frame.format.components[0].bits == 8 else "<u2")
        rows = np.frombuffer(plane, kind).reshape(-1, plane.line_size // kind.itemsize)
        yield rows[: plane.height, : plane.width]


def _coding(frame: Any, image: IsoImage) -> tuple[int, bool]:
    """Matrix coefficients, and whether the range is limited: the container's word before the stream's."""
    if image.cicp is not None:
        return image.cicp.matrix, not image.cicp.full_range
    return int(frame.colorspace), int(frame.color_range) == _LIMITED


def _upsampled(planes: list[Levels], top: int, bottom: int) -> NDArray[np.float32]:
    """Rows of all planes at the size of the first, [3, rows, W]; chroma is repeated, as in libheif."""
    height, width = planes[0].shape
    result = np.empty((3, bottom - top, width), np.float32)
    for index, plane in enumerate(planes):
        down, across = -(-height // plane.shape[0]), -(-width // plane.shape[1])
        part = plane[top // down : -(-bottom // down)].repeat(down, axis=0).repeat(across, axis=1)
        result[index] = part[: bottom - top, :width]
    return result


def _to_rgb(ycc: NDArray[np.float32], depth: int, matrix: int, limited: bool) -> NDArray[np.float32]:
    """Y'CbCr levels [3, H, W] to RGB 0..1, [H, W, 3] (H.273, 8.3)."""
    scale = 1 << depth - 8
    white = np.float32(219 * scale if limited else 256 * scale - 1)
    luma = (ycc[0] - (16 * scale if limited else 0)) / white
    if matrix == 0:  # the planes are green, blue and red
        others = (ycc[1:] - (16 * scale if limited else 0)) / white
        rgb = np.stack([others[1], luma, others[0]], axis=-1)
    else:
        blue_difference, red_difference = (ycc[1:] - 128 * scale) / (
            224 * scale if limited else 256 * scale - 1
        )
        if matrix not in _WEIGHTS:
            raise ValueError("the image has matrix coefficients that are not taken")
        red_weight, blue_weight = _WEIGHTS[matrix]
        red = luma + 2 * (1 - red_weight) * red_difference
        blue = luma + 2 * (1 - blue_weight) * blue_difference
        green = (luma - red_weight * red - blue_weight * blue) / (1 - red_weight - blue_weight)
        rgb = np.stack([red, green, blue], axis=-1)
    return np.asarray(np.clip(rgb, 0, 1), np.float32)
