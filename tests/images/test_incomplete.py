"""Files that end too early: taken where every pixel is there, refused with the number of rows where not."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from multiedit.pipelines.common.errors import InvalidImage
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from multiedit.tests.support import iso_files
from PIL import Image

LIMITS = replace(Limits(), min_pixels=1, min_side=1)
NOTE = "Image 1 is an incomplete {} file: its end is missing or damaged, but every pixel is there."


def notes_and_pixels(data: bytes) -> tuple[tuple[str, ...], np.ndarray]:
    header = read_header(data, LIMITS, "image 1")
    return header.notes, decode(data, header, "image 1").pixels.numpy()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with_text(photo: Image.Image, save: Callable[..., bytes]) -> bytes:
    data = save(photo, "PNG")
    return data[:-12] + chunk(b"tEXt", b"Comment\x00" + b"text " * 20) + data[-12:]


def flat(save: Callable[..., bytes], **parameters: object) -> bytes:
    """One colour: the shortest codes stand for nothing at all, as do zeros that were never written."""
    return save(Image.new("RGB", (320, 256), (90, 120, 40)), "JPEG", optimize=True, **parameters)


# Label, how the file is made, and how many bytes may be cut from its end without loss of a pixel.
WHOLE: dict[str, tuple[str, Callable[..., bytes], tuple[int, ...]]] = {
    "a JPEG": ("JPEG", lambda photo, save: save(photo, "JPEG"), (1, 2)),
    "a grey JPEG": ("JPEG", lambda photo, save: save(photo.convert("L"), "JPEG"), (1, 2)),
    "a CMYK JPEG": ("JPEG", lambda photo, save: save(photo.convert("CMYK"), "JPEG"), (1, 2)),
    "a progressive JPEG": ("JPEG", lambda photo, save: save(photo, "JPEG", progressive=True), (1, 2)),
    "a flat JPEG": ("JPEG", lambda photo, save: flat(save), (1, 2)),
    "a JPEG with restarts": ("JPEG", lambda photo, save: save(photo, "JPEG", restart_marker_rows=1), (1, 2)),
    "a PNG": ("PNG", lambda photo, save: save(photo, "PNG"), (1, 4, 8, 12, 14, 16, 18, 20)),
    "a PNG with text": ("PNG", png_with_text, (12, 13, 40, 124)),
    "a palette PNG": ("PNG", lambda photo, save: save(photo.quantize(16), "PNG", transparency=3), (12, 20)),
    "a GIF": ("GIF", lambda photo, save: save(photo.quantize(64), "GIF"), (2, 3)),
    "an interlaced GIF": ("GIF", lambda photo, save: save(photo.quantize(64), "GIF", interlace=1), (2, 3)),
    "a WebP": (
        "WebP",
        lambda photo, save: save(photo, "WEBP", lossless=True, exif=b"Exif\x00\x00" + bytes(100)),
        (1, 40, 100, 108),
    ),
}


@pytest.mark.parametrize(("label", "make", "cuts"), WHOLE.values(), ids=WHOLE)
def test_a_file_without_its_end_is_taken_with_a_note(label, make, cuts, photo, save) -> None:
    data = make(photo, save)
    notes, expected = notes_and_pixels(data)
    assert notes == ()
    for cut in cuts:
        notes, pixels = notes_and_pixels(data[:-cut])
        assert notes == (NOTE.format(label),)
        assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("padding", [b"\x00" * 5000, b"\xff"])
def test_what_a_download_leaves_at_the_end_is_no_picture(padding, photo, save) -> None:
    data = save(photo, "JPEG")
    notes, pixels = notes_and_pixels(data[:-2] + padding)
    assert notes == (NOTE.format("JPEG"),)
    assert np.array_equal(pixels, notes_and_pixels(data)[1])
    with pytest.raises(InvalidImage, match="are missing"):
        notes_and_pixels(data[: len(data) // 2] + padding)


# What stands in place of the end, by kind; of each some as long as the end itself.
BROKEN_ENDS = {
    "PNG": (
        12,
        (
            b"\x00\x00\x00\x00IExD\xaeB`\x82",
            b"\x00\x00\x00\x09IEND\xaeB`\x82",
            b"\x00\x00\x00\x00IEND\x00\x00\x00\x00",
            bytes(12),
            b"not an end at all",
        ),
    ),
    "JPEG": (2, (b"\xff\xff", b"\xff", b"\xff\x00")),
}


@pytest.mark.parametrize("kind", BROKEN_ENDS)
def test_a_file_with_a_broken_end_is_taken_with_a_note(kind, photo, save) -> None:
    length, ends = BROKEN_ENDS[kind]
    data = save(photo, kind)
    expected = notes_and_pixels(data)[1]
    for end in ends:
        notes, pixels = notes_and_pixels(data[:-length] + end)
        assert notes == (NOTE.format(kind),)
        assert np.array_equal(pixels, expected)


def test_a_wrong_checksum_of_the_last_pixels_is_said(photo, save) -> None:
    data = bytearray(save(photo, "PNG"))
    expected = notes_and_pixels(bytes(data))[1]
    data[-13] ^= 1
    notes, pixels = notes_and_pixels(bytes(data))
    assert notes == (NOTE.format("PNG"),)
    assert np.array_equal(pixels, expected)


# What is missing, by how the file is made: rows there of 256, at least and at most, with half of the file.
PARTIAL: dict[str, tuple[Callable[..., bytes], int, int]] = {
    "a JPEG": (lambda photo, save: save(photo, "JPEG"), 96, 176),
    "a JPEG with restarts": (lambda photo, save: save(photo, "JPEG", restart_marker_rows=1), 96, 176),
    "a PNG": (lambda photo, save: save(photo, "PNG"), 96, 176),
    "a GIF": (lambda photo, save: save(photo.quantize(64), "GIF"), 96, 176),
    "a BMP": (lambda photo, save: save(photo, "BMP"), 126, 128),
    "a TIFF": (lambda photo, save: save(photo, "TIFF"), 126, 128),
}


@pytest.mark.parametrize(("make", "least", "most"), PARTIAL.values(), ids=PARTIAL)
def test_a_file_with_missing_rows_is_refused_with_their_number(make, least, most, photo, save) -> None:
    data = make(photo, save)
    with pytest.raises(InvalidImage) as caught:
        read_header(data[: len(data) // 2], LIMITS, "image 1")
    message = str(caught.value)
    there = int(message.split("file: ")[1].split(" of its 256 rows")[0])
    assert least <= there <= most
    assert message.startswith("image 1 is an incomplete ")
    assert message.endswith(f" {256 - there} are missing. Get the whole file and send it again.")


@pytest.mark.parametrize(
    "make", [flat, lambda save: flat(save, restart_marker_blocks=7)], ids=["", "restarts"]
)
def test_rows_of_one_colour_are_missed_too(make, save) -> None:
    data = make(save)
    start = data.index(b"\xff\xda") + 14
    for end in range(start + 8, len(data) - 4, max(1, (len(data) - start) // 20)):
        with pytest.raises(InvalidImage, match=r"of its 256 rows are there, \d+ (is|are) missing"):
            read_header(data[:end], LIMITS)


CLOSED = {
    "plain": {},
    "grey": {},
    "with restarts": {"restart_marker_rows": 1},
    "without subsampling": {"subsampling": 0},
}


@pytest.mark.parametrize("at_least", [None, (40, 32)])
@pytest.mark.parametrize("name", CLOSED)
def test_a_jpeg_that_was_cut_and_then_closed_is_refused_with_its_rows(name, at_least, photo, save) -> None:
    data = save(photo.convert("L") if name == "grey" else photo, "JPEG", **CLOSED[name])
    closed = data[: len(data) // 2] + b"\xff\xd9"
    header = read_header(closed, LIMITS, "image 1")
    with pytest.raises(InvalidImage, match=r"incomplete JPEG file: \d+ of its 256 rows are there"):
        decode(closed, header, "image 1", at_least)


@pytest.mark.parametrize("after", [b"", b"\xff\xd9", b"a film \xff\xd9 of a phone"])
def test_a_flat_corner_is_no_missing_part(after, save) -> None:
    assert notes_and_pixels(flat(save) + after)[0] == ()


def test_a_progressive_jpeg_without_its_last_scans_is_refused(photo, save) -> None:
    data = save(photo, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(InvalidImage, match="JPEG file: its last scans are missing"):
        read_header(data[:last], LIMITS)


@pytest.mark.parametrize("size", [(20, 60), (19, 14)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True, "restart_marker_blocks": 1},
        {"progressive": True, "restart_marker_blocks": 3},
        {"restart_marker_blocks": 3},
    ],
)
def test_no_cut_of_a_jpeg_with_restarts_gives_other_pixels(options, mode, size, save) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (6, 4, 3), np.uint8)
    data = save(Image.fromarray(noise).resize(size).convert(mode), "JPEG", quality=50, **options)
    expected = notes_and_pixels(data)[1]
    assert np.array_equal(notes_and_pixels(data[:-2])[1], expected)
    for cut in range(3, 100):
        try:
            pixels = notes_and_pixels(data[:-cut])[1]
        except InvalidImage:
            continue
        assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("kept", [1, 64, 65, 200])
def test_the_rows_of_an_interlaced_png(kept) -> None:
    """Seven passes of 256x256 grey pixels; the last has the odd rows."""
    image = np.arange(65536, dtype=np.uint8).reshape(256, 256)
    passes = [image[y::dy, x::dx] for x, y, dx, dy in ADAM7]
    stream = zlib.compressobj(0)
    before = b"".join(np.pad(rows, ((0, 0), (1, 0))).tobytes() for rows in passes[:-1])
    rows = np.pad(passes[-1], ((0, 0), (1, 0)))[: kept // 2].tobytes()
    pixels = stream.compress(before + rows) + stream.flush(zlib.Z_FULL_FLUSH)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 0, 0, 0, 1))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels)
    with pytest.raises(InvalidImage, match=f"{kept // 2 * 2} of its 256 rows are there"):
        read_header(data, LIMITS)
    rest = np.pad(passes[-1], ((0, 0), (1, 0)))[kept // 2 :].tobytes()
    whole = data + chunk(b"IDAT", stream.compress(rest) + stream.flush(zlib.Z_FULL_FLUSH))
    notes, decoded = notes_and_pixels(whole)
    assert notes == (NOTE.format("PNG"),)
    assert np.array_equal(decoded[..., 0], image)


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def test_a_cut_png_with_a_wrong_checksum_of_its_pixels_is_damaged(photo, save) -> None:
    data = bytearray(save(photo, "PNG")[:-12])
    data[-5] ^= 0xFF  # the last byte of zlib's own checksum
    with pytest.raises(InvalidImage, match="is a damaged or incomplete PNG file"):
        read_header(bytes(data), LIMITS)


DAMAGED = {
    "a wrong checksum": (b"gAMA", chunk(b"gAMA", struct.pack(">I", 100_000))[:-1] + b"\x00"),
    "an empty sRGB": (b"sRGB", chunk(b"sRGB", b"")),
    "an unknown intent": (b"sRGB", chunk(b"sRGB", b"\x04")),
    "no zlib stream": (b"iCCP", chunk(b"iCCP", b"p\x00\x00" + bytes(500))),
    "no profile": (b"iCCP", chunk(b"iCCP", b"p\x00\x00" + zlib.compress(bytes(500)))),
}


@pytest.mark.parametrize(("kind", "damaged"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_chunk_beside_the_pixels_counts_as_absent(kind, damaged, photo, save) -> None:
    data = save(photo, "PNG")
    notes, pixels = notes_and_pixels(data[:33] + damaged + data[33:])
    assert notes == (f"Image 1 has a damaged chunk {kind.decode()}, which counts as absent.",)
    assert np.array_equal(pixels, np.asarray(photo))


@pytest.mark.parametrize("name", [name for name in DAMAGED if name != "a wrong checksum"])
def test_what_makes_no_sense_switches_nothing_off(name, photo, save) -> None:
    data = save(photo, "PNG")
    linear = chunk(b"gAMA", struct.pack(">I", 100_000))
    expected = notes_and_pixels(data[:33] + linear + data[33:])[1]
    assert not np.array_equal(expected, np.asarray(photo))
    assert np.array_equal(notes_and_pixels(data[:33] + DAMAGED[name][1] + linear + data[33:])[1], expected)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF"])
def test_bytes_are_counted_where_rows_cannot_be(kind, photo, save) -> None:
    data = save(photo, kind)
    with pytest.raises(InvalidImage, match=r"500 of the \d+ bytes of its pixels are missing. Get the whole"):
        read_header(data[:-500], LIMITS)


def test_an_animation_cut_after_its_first_frame_is_taken(photo, save) -> None:
    others = [photo.rotate(angle) for angle in (90, 180)]
    data = save(photo, "WEBP", save_all=True, append_images=others, lossless=True)
    notes, pixels = notes_and_pixels(data[:-100])
    assert notes == ("Image 1 has several frames: the first is used.", NOTE.format("WebP"))
    assert np.array_equal(pixels[..., :3], np.asarray(photo))


def avif_parts(photo: Image.Image, save: Callable[..., bytes]) -> tuple[list[bytes], bytes]:
    """The properties of a still image that Pillow has encoded, and its data."""
    data = save(photo, "AVIF")
    start = data.index(b"ipco") + 4
    end = start - 8 + int.from_bytes(data[start - 8 : start - 4], "big")
    properties = []
    while start < end:
        length = int.from_bytes(data[start : start + 4], "big")
        properties.append(data[start : start + length])
        start += length
    return properties, data[data.index(b"mdat") + 4 :]


@pytest.mark.parametrize("cut", [1, 50, 100])
def test_an_avif_whose_text_is_cut_off_is_taken(cut, photo, save) -> None:
    properties, pixels = avif_parts(photo, save)
    text = iso_files.Part(b"mime", [], b"x" * 100, [(b"cdsc", [1])])
    data = iso_files.iso_file([iso_files.Part(b"av01", properties, pixels), text])
    notes, decoded = notes_and_pixels(data[:-cut])
    assert notes == (NOTE.format("AVIF"),)
    assert np.array_equal(decoded, notes_and_pixels(data)[1])


@pytest.mark.parametrize(("coding", "frame"), [("12-bit", 0xC1), ("lossless", 0xC3), ("hierarchical", 0xC5)])
def test_a_jpeg_that_nothing_reads_says_what_it_is(coding, frame, photo, save) -> None:
    data = bytearray(save(photo, "JPEG"))
    start = data.index(b"\xff\xc0")
    data[start + 1] = frame
    data[start + 4] = 12 if coding == "12-bit" else 8
    with pytest.raises(InvalidImage, match=f"^image 1 is a {coding} JPEG, which is not supported. Convert"):
        read_header(bytes(data), LIMITS, "image 1")


def test_pillow_s_switch_for_truncated_files_has_no_say(photo, save, monkeypatch) -> None:
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP"):
        data = save(photo, kind)
        with pytest.raises(InvalidImage, match="is an incomplete"):
            read_header(data[: len(data) // 2], LIMITS)
