"""HDR light to what sRGB can show.

The curve is the EETF of ITU-R BT.2390 (section 5.4.1): light below its knee stays as it is, light above it
is compressed so that the brightest becomes sRGB's white, which is HDR reference white, 203 cd/m2. It is
applied to the largest of a pixel's channels and the others keep their proportion, so that no hue turns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .cicp import SDR_WHITE, pq_light, pq_signal

DEFAULT_PEAK = 1000  # cd/m2: what most HDR images are made for, where the file does not say
_HLG_PEAK = 1000.0  # the display that HLG's rendering is defined for (BT.2100: gamma 1.2)
_HLG_GAMMA = 1.2
_STEPS = 4096


def hlg_display(light: NDArray[np.float32], luminance: NDArray[np.float32]) -> NDArray[np.float32]:
    """The light of an HLG scene as a display of 1000 cd/m2 shows it (BT.2100's OOTF), 1 = 203 cd/m2.

    Args:
        light: [N, 1 or 3], the scene's.
        luminance: the weight of each channel.
    """
    scene = np.maximum(light @ luminance, 1e-6)[:, None]
    return np.asarray(light * scene ** (_HLG_GAMMA - 1) * (_HLG_PEAK / SDR_WHITE), np.float32)


def tone_map(light: NDArray[np.float32], peak: float) -> NDArray[np.float32]:
    """Compress light [N, 1 or 3] with 1 = 203 cd/m2 into 0..1.

    Args:
        peak: the most light of the image in cd/m2; what is above it is cut off.
    """
    largest = np.maximum(light.max(axis=1, keepdims=True), 1e-9)
    signals = np.linspace(0, float(pq_signal(np.float64(peak))), _STEPS)
    inside = pq_signal(largest.astype(np.float64) * SDR_WHITE)
    mapped = np.interp(inside, signals, _compress(signals / signals[-1], peak) / SDR_WHITE)
    return np.asarray(light * (mapped / largest), np.float32)


def _compress(signal: NDArray[np.float64], peak: float) -> NDArray[np.float64]:
    """The EETF: a share of the peak's signal to cd/m2."""
    whole = float(pq_signal(np.float64(peak)))
    most = min(1.0, float(pq_signal(np.float64(SDR_WHITE))) / whole)
    knee = 1.5 * most - 0.5
    if knee >= 1:
        return pq_light(signal * whole)
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    )
    return pq_light(np.where(signal < knee, signal, spline) * whole)
