"""TIFF and BMP: as Pillow reads them where it reads them well, bounded and refused with advice elsewhere."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from multiedit.pipelines.common.errors import ImageTooLarge, InvalidImage
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from multiedit.tests.support.timing import BUSY_SECONDS
from PIL import Image, ImageCms

LIMITS = replace(Limits(), min_pixels=1, min_side=1)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RED_IS_GREEN = SRGB.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")


def pixels(data: bytes) -> np.ndarray:
    return decode(data, read_header(data, LIMITS)).pixels.numpy()


def tiff(
    samples: np.ndarray, fields: Mapping[int, int | tuple[int, ...]], order: str = "<", tile: int = 0
) -> bytes:
    """A page of [H, W, C] samples without compression, in one strip or in tiles."""
    height, width, channels = samples.shape
    kind = samples.dtype.newbyteorder(order)
    parts = [samples]
    layout: dict[int, int | tuple[int, ...]] = {278: height}
    if tile:
        down, across = -height % tile, -width % tile
        padded = np.pad(samples, ((0, down), (0, across), (0, 0)))
        parts = [
            padded[y : y + tile, x : x + tile] for y in range(0, height, tile) for x in range(0, width, tile)
        ]
        layout = {322: tile, 323: tile}
    bodies = [part.astype(kind).tobytes() for part in parts]
    offsets = tuple(8 + sum(map(len, bodies[:n])) for n in range(len(bodies)))
    places, lengths = (324, 325) if tile else (273, 279)
    entries = {
        256: width, 257: height, 258: (samples.dtype.itemsize * 8,) * channels, 259: 1, 277: channels,
        places: offsets, lengths: tuple(map(len, bodies)), **layout, **fields,
    }  # fmt: skip
    start = 8 + sum(map(len, bodies))
    directory = struct.pack(order + "H", len(entries))
    values = b""
    for tag, value in sorted(entries.items()):
        numbers = value if isinstance(value, tuple) else (value,)
        body = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(body) > 4:
            place = start + 2 + 12 * len(entries) + 4 + len(values)
            values, body = values + body, struct.pack(order + "I", place)
        directory += struct.pack(order + "HHI", tag, 4, len(numbers)) + body
    magic = b"II*\x00" if order == "<" else b"MM\x00*"
    return magic + struct.pack(order + "I", start) + b"".join(bodies) + directory + bytes(4) + values


def samples(channels: int, kind: str = "u1") -> np.ndarray:
    return np.random.default_rng(5).integers(0, np.iinfo(kind).max, (37, 50, channels)).astype(kind)


COMPRESSIONS = [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg"]
CONVERTED = {"1": "L", "P": "RGB", "CMYK": "RGB"}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_each_mode_and_compression_is_read_as_pillow_reads_it(mode, compression, photo, save) -> None:
    if compression == "jpeg" and mode in ("1", "P"):
        compression = "group4" if mode == "1" else "packbits"
    image = photo.quantize(32) if mode == "P" else photo.convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(photo.getchannel("G"))
    data = save(image, "TIFF", compression=compression)
    expected = Image.open(io.BytesIO(data)).convert(CONVERTED.get(mode, mode))
    assert np.array_equal(pixels(data), np.asarray(expected).reshape(256, 320, -1))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tile", [0, 16, 64])
@pytest.mark.parametrize(("channels", "fields"), [(1, {262: 1}), (3, {262: 2}), (4, {262: 2, 338: 2})])
def test_strips_and_tiles_of_both_byte_orders(channels, fields, tile, order) -> None:
    values = samples(channels)
    assert np.array_equal(pixels(tiff(values, fields, order, tile)), values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("channels", "fields"), [(1, {262: 1}), (3, {262: 2}), (4, {262: 2, 338: 2})])
def test_16_bits_a_channel_stay_16(channels, fields, order) -> None:
    values = samples(channels, "u2")
    result = pixels(tiff(values, fields, order))
    assert result.dtype == np.float32
    assert np.array_equal((result * 65535).round(), values)


@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_associated_alpha_becomes_straight(kind) -> None:
    white = np.iinfo(kind).max
    values = samples(4, kind)
    values[..., 3] = np.maximum(values[..., 3], white // 2)
    values[..., :3] = np.minimum(values[..., :3], values[..., 3:])
    result = pixels(tiff(values, {262: 2, 338: 1}))
    expected = values[..., :3] / values[..., 3:]
    scale = 255 if kind == "u1" else 1
    step = 1 / (255 if kind == "u1" else 65535)
    assert np.abs(result[..., :3] / scale - expected).max() <= step
    assert np.abs(result[..., 3] / scale - values[..., 3] / white).max() <= 1e-6


@pytest.mark.parametrize("extra", [0, None])
def test_white_is_zero_and_samples_that_mean_nothing(extra) -> None:
    values = samples(1)
    assert np.array_equal(pixels(tiff(values, {262: 0})), 255 - values)
    four = samples(4)
    assert pixels(tiff(four, {262: 2, **({} if extra is None else {338: extra})})).shape[2] == (
        4 if extra is None else 3
    )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_field_is_applied(orientation) -> None:
    values = samples(3)
    header = read_header(data := tiff(values, {262: 2, 274: orientation}), LIMITS)
    assert (header.width, header.height) == ((50, 37) if orientation < 5 else (37, 50))
    assert header.orientation == orientation
    turns = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
             5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
             7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90}  # fmt: skip
    assert np.array_equal(pixels(data), turns[orientation](values))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_profile_is_applied(mode, photo, save) -> None:
    image = photo.convert(mode)
    notes = read_header(data := save(image, "TIFF", icc_profile=RED_IS_GREEN), LIMITS, "image 1").notes
    assert len(notes) == 1
    assert "converted to sRGB" in notes[0]
    as_png = pixels(save(image, "PNG", icc_profile=RED_IS_GREEN))
    assert np.array_equal(pixels(data), as_png)


def test_the_first_of_several_pages_is_taken_with_a_note(photo, save) -> None:
    data = save(photo, "TIFF", save_all=True, append_images=[photo.rotate(90), photo.rotate(180)])
    header = read_header(data, LIMITS, "image 1")
    assert header.notes == ("Image 1 has several pages: the first is used.",)
    assert np.array_equal(pixels(data), np.asarray(photo))


UNSUPPORTED: dict[str, tuple[Callable[[], bytes], str]] = {
    "32 bits": (lambda: tiff(samples(1, "u4"), {262: 1}), "is a TIFF with 32 bits a channel; the most is 16"),
    "a compression": (lambda: tiff(samples(1), {262: 1, 259: 50_000}), "is a TIFF of compression 50000"),
    "a layout": (lambda: tiff(samples(5), {262: 1}), "is a TIFF of a kind that is not supported"),
    "planes of 16 bits": (lambda: tiff(samples(3, "u2"), {262: 2, 284: 2}), "is a 16-bit TIFF in separate"),
    "YCbCr": (lambda: tiff(samples(3), {262: 6}), "is a TIFF of uncompressed YCbCr"),
    "a DNG": (lambda: tiff(samples(3), {262: 2, 50706: 1}), "is a camera's raw file"),
    "a thumbnail": (lambda: tiff(samples(3), {262: 2, 254: 1}), "is a camera's raw file"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_is_not_taken_says_so_and_what_to_do(make, message) -> None:
    with pytest.raises(InvalidImage, match=f"^image 1 {message}.* (Convert it|Export it)"):
        read_header(make(), LIMITS, "image 1")


def test_a_cut_tiff_without_bits_is_refused() -> None:
    page = tiff(samples(1), {258: 0, 262: 1, 273: 1_000_000})
    with pytest.raises(InvalidImage, match="damaged or incomplete TIFF"):
        pixels(page)


def test_the_end_of_a_compressed_tiff_is_missed(photo, save) -> None:
    data = save(photo, "TIFF", compression="tiff_lzw")  # its directory stands at its end
    with pytest.raises(InvalidImage, match="is an incomplete TIFF file: its directory"):
        read_header(data[: len(data) // 2], LIMITS)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "strips that share bytes": lambda: tiff(
        samples(3), {257: 5000, 278: 1, 273: (8,) * 5000, 279: (5550,) * 5000, 262: 2}
    ),
    "a huge tile": lambda: tiff(samples(3), {262: 2, 322: 60_000, 323: 60_000}, tile=16),
    "no strips": lambda: tiff(samples(3), {262: 2, 278: 1}),
    "a million strips": lambda: tiff(
        samples(3), {257: 1_000_000, 256: 1, 278: 1, 273: (8,) * 1_000_000, 279: (3,) * 1_000_000, 262: 2}
    ),
    "60,000 fields": lambda: b"II*\x00\x08\x00\x00\x00\x60\xea" + bytes(800_000),
    "a directory of itself": lambda: b"II*\x00\x00\x00\x00\x00",
    "samples without end": lambda: tiff(samples(3), {262: 2, 277: 0xFFFF_FFFF}),
    "nothing": lambda: b"II*\x00\x08\x00\x00\x00",
}  # fmt: skip


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_tiff_is_refused_in_time(make) -> None:
    data = make()
    start = time.process_time()
    with pytest.raises(InvalidImage):
        pixels(data)
    assert time.process_time() - start < BUSY_SECONDS


def test_pillow_s_process_wide_limit_has_no_say(photo, save, monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for parameters in ({}, {"compression": "tiff_lzw"}):
        assert np.array_equal(pixels(save(photo, "TIFF", **parameters)), np.asarray(photo))


@pytest.mark.parametrize("kind", ["TIFF", "BMP"])
def test_the_size_is_checked_before_any_decode(kind) -> None:
    data = bmp(20_000, 20_000, 1, bytes(50_000_000))
    if kind == "TIFF":
        data = tiff(samples(3), {256: 20_000, 257: 20_000, 278: 20_000, 262: 2})
    with pytest.raises(ImageTooLarge, match="20000x20000"):
        read_header(data, replace(LIMITS, max_file_bytes=60_000_000))


def bmp(width: int, height: int, depth: int, body: bytes, coding: int = 0, masks: bytes = b"") -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, depth, coding, 0, 0, 0, 0, 0) + masks
    return struct.pack("<2sIHHI", b"BM", 0, 0, 0, 14 + len(header)) + header + body


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
def test_each_bmp_is_read_exactly(mode, photo, save) -> None:
    image = photo.quantize(32) if mode == "P" else photo.convert(mode)
    if mode == "RGBA":
        image.putalpha(photo.getchannel("G"))
    expected = np.asarray(image.convert(CONVERTED.get(mode, mode))).reshape(256, 320, -1)
    assert np.array_equal(pixels(save(image, "BMP")), expected)


def test_a_bmp_from_the_top_down() -> None:
    values = samples(3)[:, :48]
    assert np.array_equal(pixels(bmp(48, -37, 24, values[..., ::-1].tobytes())), values)


@pytest.mark.parametrize("coding", [0, 3])
@pytest.mark.parametrize("alpha", [0, 77])
def test_an_alpha_of_zero_everywhere_is_none(alpha, coding) -> None:
    values = samples(4)
    values[..., 3] = alpha
    masks = struct.pack("<3I", 0xFF0000, 0xFF00, 0xFF) if coding else b""
    result = pixels(bmp(50, -37, 32, values[..., [2, 1, 0, 3]].tobytes(), coding, masks))
    assert result.shape[2] == (4 if alpha and not coding else 3)
    assert np.array_equal(result[..., :3], values[..., :3])


def test_run_lengths_are_read_and_bounded() -> None:
    palette = bytes(range(256)) * 4
    rows = b"".join(bytes([50, row, 0, 0]) for row in range(37))
    data = bmp(50, 37, 8, palette + rows, coding=1)
    data = data[:10] + struct.pack("<I", 54 + 1024) + data[14:]
    assert pixels(data).shape == (37, 50, 3)
    start = time.process_time()
    with pytest.raises(InvalidImage, match=r"run lengths; the limit is 524288\. Convert it to PNG"):
        read_header(data + bytes(1 << 20), LIMITS)
    with pytest.raises(InvalidImage):
        pixels(data[:1078] + b"\x00\x00" * (1 << 18))
    assert time.process_time() - start < BUSY_SECONDS


def test_a_bmp_of_another_compression_says_so() -> None:
    with pytest.raises(InvalidImage, match="image 1 is a BMP of compression 4, which is not supported"):
        read_header(bmp(100, 100, 24, bytes(1000), coding=4), LIMITS, "image 1")
