"""The colour space that a file declares in numbers instead of a profile.

PNG (third edition, section 4.3): cICP counts before iCCP, that before sRGB, and that before gAMA with cHRM;
a chunk that makes no sense is passed over. gAMA alone has sRGB's primaries; cHRM alone says nothing of the
tone curve and is passed over. AVIF and HEIC: a profile counts before `nclx`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .cicp import BT709, HLG, PQ, PRIMARIES, TRANSFERS, Chromaticities, Cicp, power
from .color_model import ColorModel, rgb_to_xyz, xyz_to_srgb
from .tone_map import DEFAULT_PEAK

PNG_COLOR_CHUNKS = frozenset({b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cLLI", b"mDCV"})

_SRGB = 13
_INTENTS = 4  # ways to render, of which sRGB names one
_PROFILE_HEADER = 128  # bytes
_SAME_POINT = 0.002  # chromaticities that differ by less are the same
_SAME_GAMMA = 0.01  # 1/2.2 within 1 % stands for sRGB's curve, as every writer of gAMA 45455 means it
_HEADROOM = 10_000  # cd/m2: the most that PQ can say


@dataclass(frozen=True)
class SourceColor:
    """A declared colour space that is not sRGB.

    Attributes:
        label: what messages call it: "Display P3, sRGB curve (cICP)".
        primaries: x and y of red, green, blue and white.
        transfer: H.273's code point of the tone curve, or 0 for `gamma`.
        gamma: the exponent that gives light, where `transfer` is 0.
        narrow: black is 16/255 and white 235/255.
        peak: the most light of a pixel in cd/m2; 0 where it is not given.
    """

    label: str
    primaries: Chromaticities
    transfer: int
    gamma: float = 0.0
    narrow: bool = False
    peak: int = 0

    def note(self, name: str) -> str:
        """Return what a plan says about the conversion of an image."""
        if self.transfer in (PQ, HLG):
            return (
                f"{name} is HDR, {self.label}: mapped to sRGB by the curve of BT.2390, "
                f"from {self._peak()} to 203 cd/m2."
            )
        return f"{name} has the colours {self.label}: converted to sRGB."

    def model(self) -> ColorModel:
        """The conversion to sRGB."""
        to_xyz = rgb_to_xyz(self.primaries)
        curve = TRANSFERS[self.transfer][1] if self.transfer else power(self.gamma)
        hdr = self.transfer in (PQ, HLG)
        return ColorModel(
            (curve,),
            xyz_to_srgb(to_xyz.sum(axis=1)) @ to_xyz,
            peak=float(self._peak()) if hdr else 0.0,
            luminance=to_xyz[1].astype(np.float32) if self.transfer == HLG else None,
            narrow=self.narrow,
        )

    def _peak(self) -> int:
        if self.transfer == HLG:
            return DEFAULT_PEAK  # HLG is relative: its rendering is for this display
        return min(self.peak, _HEADROOM) or DEFAULT_PEAK


def from_cicp(cicp: Cicp, source: str, peak: int = 0) -> SourceColor | None:
    """Return what code points declare; None for sRGB and for code points that are reserved.

    Args:
        source: what holds them: "cICP", "nclx".
        peak: see `SourceColor`.
    """
    if not is_known(cicp):
        return None
    gamut, primaries = PRIMARIES[cicp.primaries]
    curve = TRANSFERS[cicp.transfer][0]
    label = f"{gamut}, {curve} curve{'' if cicp.full_range else ', narrow range'} ({source})"
    return _unless_srgb(SourceColor(label, primaries, cicp.transfer, narrow=not cicp.full_range, peak=peak))


def is_known(cicp: Cicp) -> bool:
    """Return whether the code points stand for colours that can be converted."""
    return cicp.primaries in PRIMARIES and cicp.transfer in TRANSFERS


def makes_sense(kind: bytes, body: bytes) -> bool:
    """Return whether a PNG's chunk says something, of those that switch others off by being there."""
    if kind == b"sRGB":
        return len(body) == 1 and body[0] < _INTENTS
    if kind != b"iCCP":
        return True
    _, _, compressed = body.partition(b"\0")  # from a name; before the profile stands its method
    try:
        header = zlib.decompressobj().decompress(compressed[1:], _PROFILE_HEADER)
    except zlib.error:
        return False
    return header[36:40] == b"acsp"  # ICC.1, 7.2.11


def from_png(chunks: Mapping[bytes, bytes]) -> tuple[SourceColor | None, bool]:
    """Return what a PNG declares.

    Args:
        chunks: the first of each of `PNG_COLOR_CHUNKS` that makes sense, without length and checksum.

    Returns:
        The colour space, None for sRGB or a profile; and whether a profile is to be ignored.
    """
    body = chunks.get(b"cICP", b"")
    if len(body) == 4 and body[2] == 0 and body[3] < 2:
        cicp = Cicp(body[0], body[1], body[2], full_range=body[3] == 1)
        if is_known(cicp):
            return from_cicp(cicp, "cICP", _png_peak(chunks)), True
    if b"iCCP" in chunks or b"sRGB" in chunks:
        return None, False
    return _from_gamma(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")), False


def _from_gamma(gamma_body: bytes, points_body: bytes) -> SourceColor | None:
    encoded = int.from_bytes(gamma_body, "big") / 100_000 if len(gamma_body) == 4 else 0.0
    if not 0.01 < encoded < 100:
        return None
    primaries = _chromaticities(points_body) or BT709
    is_srgb_curve = abs(encoded * 2.2 - 1) < _SAME_GAMMA
    label = f"{'sRGB' if _is_same(primaries, BT709) else 'its own'} primaries, gamma {1 / encoded:.3g}"
    source = "gAMA and cHRM" if points_body else "gAMA"
    return _unless_srgb(
        SourceColor(
            f"{label} ({source})",
            primaries,
            _SRGB if is_srgb_curve else 0,
            0.0 if is_srgb_curve else 1 / encoded,
        )
    )


def _chromaticities(body: bytes) -> Chromaticities | None:
    """cHRM has white first; the others follow as red, green, blue."""
    if len(body) != 32:
        return None
    white_x, white_y, *others = (number / 100_000 for number in struct.unpack(">8I", body))
    red_x, red_y, green_x, green_y, blue_x, blue_y = others
    points = (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y)
    try:
        xyz_to_srgb(rgb_to_xyz(points).sum(axis=1))
    except (ValueError, np.linalg.LinAlgError):
        return None
    return points


def _png_peak(chunks: Mapping[bytes, bytes]) -> int:
    """The brightest pixel (cLLI) or else the mastering display's white (mDCV), in cd/m2."""
    for kind, length, start in ((b"cLLI", 8, 0), (b"mDCV", 24, 16)):
        body = chunks.get(kind, b"")
        if len(body) == length and (peak := int.from_bytes(body[start : start + 4], "big") // 10_000):
            return peak
    return 0


def _unless_srgb(color: SourceColor) -> SourceColor | None:
    is_srgb = color.transfer in (2, _SRGB) and _is_same(color.primaries, BT709) and not color.narrow
    return None if is_srgb else color


def _is_same(one: Chromaticities, other: Chromaticities) -> bool:
    return all(abs(a - b) < _SAME_POINT for a, b in zip(one, other, strict=True))
