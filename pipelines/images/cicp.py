"""Colours as code points (ITU-T H.273): the primaries and transfer functions of `nclx` and PNG's cICP.

Transfer functions give light from a signal of 0..1: of the display for most, relative to SDR white; of the
scene for HLG. BT.709's is the inverse of its camera curve, as in H.273 and in browsers' colour management.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white."""

SDR_WHITE = 203.0  # cd/m2: HDR reference white (ITU-R BT.2408), which becomes sRGB's white
PQ, HLG = 16, 18
_UNSPECIFIED = 2


class Cicp(NamedTuple):
    """Code points of one image."""

    primaries: int
    transfer: int
    matrix: int
    full_range: bool = True


_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
BT709: Chromaticities = (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, *_D65)
_SMPTE170M: Chromaticities = (0.630, 0.340, 0.310, 0.595, 0.155, 0.070, *_D65)

PRIMARIES: dict[int, tuple[str, Chromaticities]] = {  # H.273, table 2
    1: ("BT.709", BT709),
    _UNSPECIFIED: ("BT.709", BT709),
    4: ("BT.470 M", (0.670, 0.330, 0.210, 0.710, 0.140, 0.080, *_C)),
    5: ("BT.470 B/G", (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, *_D65)),
    6: ("BT.601", _SMPTE170M),
    7: ("SMPTE 240M", _SMPTE170M),
    8: ("film", (0.681, 0.319, 0.243, 0.692, 0.145, 0.049, *_C)),
    9: ("BT.2020", (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65)),
    10: ("CIE XYZ", (1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1 / 3, 1 / 3)),
    11: ("DCI-P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.314, 0.351)),
    12: ("Display P3", (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65)),
    22: ("EBU 3213", (0.630, 0.340, 0.295, 0.605, 0.155, 0.077, *_D65)),
}


def power(exponent: float) -> Callable[[Values], Values]:
    """A plain power function.

    Raises:
        ValueError: the exponent is not positive.
    """
    if exponent <= 0:
        raise ValueError("a tone curve needs a positive exponent")

    def curve(signal: Values) -> Values:
        return np.asarray(signal**exponent)

    return curve


def _broken_power(gamma: float, slope: float, offset: float, knee: float) -> Callable[[Values], Values]:
    """((v + offset) / (1 + offset)) ** gamma, and v / slope below the knee."""

    def curve(signal: Values) -> Values:
        return np.where(signal < knee, signal / slope, ((signal + offset) / (1 + offset)) ** gamma)

    return curve


srgb_curve = _broken_power(2.4, 12.92, 0.055, 0.04045)
_bt709_curve = _broken_power(1 / 0.45, 4.5, 0.099296826809442, 4.5 * 0.018053968510807)

_M1, _M2 = 2610 / 16384, 2523 / 32
_C1, _C2, _C3 = 3424 / 4096, 2413 / 128, 2392 / 128


def pq_light(signal: Values) -> Values:
    """SMPTE ST 2084: a signal to cd/m2."""
    root = signal ** (1 / _M2)
    return np.asarray(10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1))


def pq_signal(light: Values) -> Values:
    """SMPTE ST 2084: cd/m2 to a signal."""
    root = np.maximum(light / 10_000, 0) ** _M1
    return np.asarray(((_C1 + _C2 * root) / (1 + _C3 * root)) ** _M2)


def _pq_curve(signal: Values) -> Values:
    return pq_light(signal) / SDR_WHITE


def _hlg_curve(signal: Values) -> Values:
    """ITU-R BT.2100: a signal to the light of the scene."""
    a = 0.17883277
    b = 1 - 4 * a
    c = 0.5 - a * np.log(4 * a)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


TRANSFERS: dict[int, tuple[str, Callable[[Values], Values]]] = {  # H.273, table 3
    1: ("BT.709", _bt709_curve),
    _UNSPECIFIED: ("sRGB", srgb_curve),
    4: ("gamma 2.2", power(2.2)),
    5: ("gamma 2.8", power(2.8)),
    6: ("BT.709", _bt709_curve),
    7: ("SMPTE 240M", _broken_power(1 / 0.45, 4.0, 0.111572195921731, 4 * 0.022821585529445)),
    8: ("linear", power(1.0)),
    11: ("BT.709", _bt709_curve),
    12: ("BT.709", _bt709_curve),
    13: ("sRGB", srgb_curve),
    14: ("BT.709", _bt709_curve),
    15: ("BT.709", _bt709_curve),
    PQ: ("PQ", _pq_curve),
    17: ("SMPTE ST 428", lambda signal: np.asarray(52.37 / 48 * signal**2.6)),
    HLG: ("HLG", _hlg_curve),
}
