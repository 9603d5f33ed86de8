"""ICC profiles of curves and a matrix, or of one grey curve."""

from __future__ import annotations

import struct

import numpy as np
from multiedit.pipelines.images.cicp import PRIMARIES
from multiedit.pipelines.images.color_model import rgb_to_xyz

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
DISPLAY_P3 = PRIMARIES[12][1]
ADOBE = (0.64, 0.33, 0.21, 0.71, 0.15, 0.06, 0.3127, 0.3290)


def s15(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65_536)) for value in values)


def curv(*table: int) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(table)}H", len(table), *table)


def para(kind: int, *values: float) -> bytes:
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + s15(*values)


CURVES = {
    "linear": curv(),
    "gamma": curv(round(2.2 * 256)),
    "table": curv(*(round(65_535 * (i / 255) ** 1.8) for i in range(256))),
    "sRGB": para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "power": para(0, 1.8),
    "BT.709": para(3, 1 / 0.45, 1 / 1.0993, 0.0993 / 1.0993, 1 / 4.5, 0.0812),
}


def icc(
    curve: bytes, primaries: tuple[float, ...] = ADOBE, space: bytes = b"RGB ", named: str = "Test"
) -> bytes:
    """A profile of three curves and a matrix, or of one grey curve."""
    name = named.encode("utf-16-be")
    desc = b"mluc" + bytes(4) + struct.pack(">II", 1, 12) + b"enUS" + struct.pack(">II", len(name), 28) + name
    tags = {b"desc": desc, b"wtpt": b"XYZ " + bytes(4) + s15(*D50)}
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:
        native = rgb_to_xyz(primaries)
        scale = np.diag((BRADFORD @ D50) / (BRADFORD @ native.sum(axis=1)))
        adapted = np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ native
        for index, letter in enumerate(b"rgb"):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + s15(*adapted[:, index])
            tags[bytes([letter]) + b"TRC"] = curve
    directory, body, start = b"", b"", 132 + 12 * len(tags)
    for kind, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        directory += struct.pack(">4sII", kind, start + len(body), len(content))
        body += padded
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x04300000, b"mntr", space, b"XYZ ")
    head = (head + bytes(12) + b"acsp").ljust(68, b"\0") + s15(*D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + directory + body
