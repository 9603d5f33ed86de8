from __future__ import annotations

import struct

import pytest
from multiedit.pipelines.images.exif import exif_block, exif_orientation
from PIL import Image


def test_pillow_reads_a_block() -> None:
    exif = Image.Exif()
    exif.load(exif_block({0x0110: "prompt:{}", 0x010E: "multiedit:{}"}))
    assert dict(exif) == {0x0110: "prompt:{}", 0x010E: "multiedit:{}"}


def orientation_block(order: str, value: int, kind: int = 3, prefix: bytes = b"") -> bytes:
    magic = b"II*\x00" if order == "<" else b"MM\x00*"
    first = struct.pack(order + "HHII", 0x010F, 2, 3, 0)
    return (
        prefix
        + magic
        + struct.pack(order + "IH", 8, 2)
        + first
        + struct.pack(order + "HHIHH", 0x0112, kind, 1, value, 0)
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\x00\x00"])
def test_orientation_in_both_byte_orders(order, prefix) -> None:
    assert [
        exif_orientation(orientation_block(order, value, prefix=prefix)) for value in range(1, 9)
    ] == list(range(1, 9))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "letter"), [(1, "B"), (3, "H"), (4, "I"), (6, "b"), (8, "h"), (9, "i")])
def test_orientation_as_any_integer(kind, letter, order) -> None:
    block = orientation_block(order, 0, kind)[:-4] + struct.pack(order + letter, 6).ljust(4, b"\x00")
    assert exif_orientation(block) == 6


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\x00\x00",
        b"II*\x00",
        b"XX*\x00" + bytes(100),
        b"II*\x00\xff\xff\xff\xff",
        orientation_block("<", 0),
        orientation_block("<", 9),
        orientation_block("<", 6, kind=2),
        orientation_block("<", 6)[:-8],
    ],
)
def test_an_orientation_that_makes_no_sense_is_none(exif) -> None:
    assert exif_orientation(exif) == 1
