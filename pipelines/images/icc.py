"""ICC profiles that are curves and a matrix, which nearly all RGB and grey ones are (ICC.1:2022).

littleCMS, as Pillow reaches it, takes and gives 8 bits for colour; these profiles are simple enough to be
evaluated at any depth. Relative colorimetric, as everywhere here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .cicp import Values, power
from .color_model import D50, ColorModel, to_srgb_levels, xyz_to_srgb

_MAX_TAGS = 200
_TABLES = frozenset({b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1"})  # lookup tables, which come first
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}  # numbers of each parametric curve (10.18)
_MAX_NAME = 60
PROFILE_ERRORS = (ValueError, IndexError, struct.error, np.linalg.LinAlgError)
"""What a damaged profile raises."""


@dataclass(frozen=True)
class IccProfile:
    """A profile.

    Attributes:
        space: `RGB`, `GRAY`, `CMYK` and so on.
        name: its own description, in ASCII; may be empty.
        model: None where it is not made of curves and a matrix.
    """

    space: str
    name: str
    model: ColorModel | None


def read_profile(data: bytes) -> IccProfile:
    """Take a profile apart.

    Raises:
        ValueError, IndexError, struct.error: it is damaged.
    """
    if data[36:40] != b"acsp":
        raise ValueError("an ICC profile has not its signature")
    (count,) = struct.unpack_from(">I", data, 128)
    tags: dict[bytes, bytes] = {}
    for index in range(min(count, _MAX_TAGS)):
        kind, start, length = struct.unpack_from(">4sII", data, 132 + 12 * index)
        tags[kind] = data[start : start + length]
    space = data[16:20].decode("ascii", "replace").strip()
    has_tables = bool(_TABLES & set(tags))
    model = None if has_tables else _model(space, tags, in_lab=data[20:24] == b"Lab ")
    return IccProfile(space, _description(tags.get(b"desc", b"")), model)


def profile_note(data: bytes, name: str) -> str:
    """Return what a plan says about an image with a profile; empty where nothing is converted."""
    if not data:
        return ""
    try:
        profile = read_profile(data)
        if profile.space == "RGB" and profile.model is not None and changes_nothing(profile.model):
            return ""
    except PROFILE_ERRORS:
        return f"{name} has a colour profile that cannot be read: its colours count as sRGB."
    return f"{name} has the colour profile {profile.name or profile.space}: converted to sRGB."


def changes_nothing(model: ColorModel) -> bool:
    """Return whether a model is sRGB's own, to within one level of 255."""
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(27, 27, 3)
    difference = to_srgb_levels(cube.copy(), model).astype(np.int16) - cube
    return int(np.abs(difference).max()) <= 1


def _model(space: str, tags: dict[bytes, bytes], in_lab: bool) -> ColorModel | None:
    if space == "GRAY":
        curve = _curve(tags[b"kTRC"]) if b"kTRC" in tags else None
        if curve is None:
            return None
        return ColorModel((_lightness(curve) if in_lab else curve,), np.eye(3))
    needed = [first + last for last in (b"XYZ", b"TRC") for first in (b"r", b"g", b"b")]
    if space != "RGB" or in_lab or not set(needed) <= set(tags):
        return None
    columns = [np.array(struct.unpack_from(">3i", tags[tag], 8)) / 65_536 for tag in needed[:3]]
    curves = tuple(_curve(tags[tag]) for tag in needed[3:])
    return ColorModel(curves, xyz_to_srgb(D50) @ np.stack(columns, axis=1))


def _lightness(curve: Callable[[Values], Values]) -> Callable[[Values], Values]:
    """A curve that gives L* / 100, as one that gives light."""

    def light(signal: Values) -> Values:
        root = (curve(signal) * 100 + 16) / 116
        return np.where(root > 6 / 29, root**3, (root - 4 / 29) * 3 * (6 / 29) ** 2)

    return light


def _curve(tag: bytes) -> Callable[[Values], Values]:
    if tag[:4] == b"para":
        return _parametric(tag)
    if tag[:4] != b"curv":
        raise ValueError("an ICC profile has a tone curve of an unknown type")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return power(1.0)
    if count == 1:
        return power(struct.unpack_from(">H", tag, 12)[0] / 256)
    table = np.frombuffer(tag, ">u2", count, 12) / 65_535
    positions = np.linspace(0, 1, count)
    return lambda signal: np.asarray(np.interp(signal, positions, table))


def _parametric(tag: bytes) -> Callable[[Values], Values]:
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind not in _PARAMETERS:
        raise ValueError("an ICC profile has a parametric curve of an unknown type")
    values = [number / 65_536 for number in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
    gamma, a, b, c, d, e, f = (*values, *(0.0,) * 7)[:7]
    if kind == 0 or gamma <= 0:
        return power(gamma)
    if kind in (1, 2):  # the shorter forms: c is added to the whole, and the knee is where the power starts
        if a == 0:
            raise ValueError("an ICC profile has an impossible curve")
        offset = c if kind == 2 else 0.0
        c, d, e, f = 0.0, -b / a, offset, offset

    def curve(signal: Values) -> Values:
        upper = np.maximum(a * signal + b, 0) ** gamma + e
        return np.asarray(np.clip(np.where(signal >= d, upper, c * signal + f), 0, 1))

    return curve


def _description(tag: bytes) -> str:
    if tag[:4] == b"mluc" and len(tag) >= 28:
        length, start = struct.unpack_from(">II", tag, 20)
        text = tag[start : start + length].decode("utf-16-be", "replace")
    elif tag[:4] == b"desc" and len(tag) >= 12:
        (length,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + length].decode("ascii", "replace")
    else:
        text = ""
    return "".join(letter for letter in text if " " <= letter <= "~")[:_MAX_NAME].strip()
