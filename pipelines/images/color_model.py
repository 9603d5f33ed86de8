"""Levels of any three-channel colour space to sRGB, at their own depth.

Each channel goes through its tone curve to light, a matrix changes the primaries, and sRGB's curve makes
levels again. What lies outside sRGB is cut off at each channel.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .cicp import BT709, Chromaticities, Values
from .tone_map import hlg_display, tone_map

Matrix = NDArray[np.float64]

_STRIP_PIXELS = 1 << 16
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50: Matrix = np.array([0.9642, 1.0, 0.8249])  # the white of ICC's connection space


@dataclass(frozen=True)
class ColorModel:
    """The conversion of levels to linear sRGB.

    Attributes:
        curves: signal 0..1 to light; one for each channel, or one for all.
        matrix: linear RGB to linear sRGB.
        peak: of HDR, in cd/m2; 0 for others.
        luminance: the channels' weights for HLG's rendering; None for others.
        narrow: black is 16/255 and white 235/255.
    """

    curves: tuple[Callable[[Values], Values], ...]
    matrix: Matrix
    peak: float = 0.0
    luminance: NDArray[np.float32] | None = None
    narrow: bool = False


def rgb_to_xyz(primaries: Chromaticities) -> Matrix:
    """Linear RGB to XYZ with Y = 1 at white.

    Raises:
        ValueError: the chromaticities span no colour space.
    """
    points = np.array(primaries, np.float64).reshape(4, 2)
    if not (points[3, 1] > 0 and np.isfinite(points).all()):
        raise ValueError("chromaticities span no colour space")
    columns = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)])
    white = columns[:, 3] / columns[1, 3]
    if abs(np.linalg.det(columns[:, :3])) < 1e-4:
        raise ValueError("chromaticities span no colour space")
    return np.asarray(columns[:, :3] * np.linalg.solve(columns[:, :3], white))


def xyz_to_srgb(white: Matrix) -> Matrix:
    """XYZ with the given white to linear sRGB, adapted by Bradford's transform."""
    target = rgb_to_xyz(BT709)
    scale = np.diag((_BRADFORD @ target.sum(axis=1)) / (_BRADFORD @ white))
    adapted = np.linalg.inv(_BRADFORD) @ scale @ _BRADFORD
    return np.asarray(np.linalg.inv(target) @ adapted)


def to_srgb_levels(levels: NDArray[Any], model: ColorModel) -> NDArray[Any]:
    """Convert [H, W, C] uint8 or float32 0..1 in place; C = 1 or 2 is grey, and alpha stays as it is."""
    height, width, channels = levels.shape
    colors = channels - (channels in (2, 4))
    table = _light_table(model, 256 if levels.dtype == np.uint8 else 65_536)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        strip = levels[top : top + rows, :, :colors]
        light = _linear(strip.reshape(-1, colors), table, model)
        encoded = _encode_levels(light) if levels.dtype == np.uint8 else _encode(light)
        strip[...] = encoded.reshape(strip.shape)
    return levels


def _light_table(model: ColorModel, size: int) -> NDArray[np.float32]:
    """Light by level, [levels, 1 or 3]."""
    signal = np.linspace(0, 1, size)
    if model.narrow:
        signal = np.clip((signal * 255 - 16) / 219, 0, 1)
    with np.errstate(all="ignore"):  # a damaged profile's curve may leave all bounds
        light = np.stack([curve(signal) for curve in model.curves], axis=1)
    return np.asarray(np.nan_to_num(light, posinf=1.0), np.float32)


def _linear(strip: NDArray[Any], table: NDArray[np.float32], model: ColorModel) -> NDArray[np.float32]:
    """Levels [N, 1 or 3] to linear sRGB."""
    if strip.dtype != np.uint8:
        strip = (strip * np.float32(65_535) + np.float32(0.5)).astype(np.uint16)
    channels = strip.shape[1]
    light = np.stack([table[strip[:, i], min(i, table.shape[1] - 1)] for i in range(channels)], axis=1)
    if model.luminance is not None:
        light = hlg_display(light, model.luminance if channels == 3 else np.ones(1, np.float32))
    if model.peak:
        light = tone_map(light, model.peak)
    if channels == 3:
        light = light @ model.matrix.T.astype(np.float32)
    return np.asarray(np.clip(light, 0, 1), np.float32)


def _encode(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB's curve: light to a signal."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** np.float32(1 / 2.4) - 0.055)


@functools.lru_cache(maxsize=1)
def _level_table() -> NDArray[np.uint8]:
    """sRGB levels by light in steps of 1/65535, of which the steepest part of the curve needs 20 a level."""
    levels: NDArray[np.uint8] = (_encode(np.linspace(0, 1, 65_536, dtype=np.float32)) * 255 + 0.5).astype(
        np.uint8
    )
    return levels


def _encode_levels(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = _level_table()[
        (light * np.float32(65_535) + np.float32(0.5)).astype(np.uint16)
    ]
    return levels
