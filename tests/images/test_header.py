from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from multiedit.pipelines.common.errors import FileTooLarge, ImageTooLarge, ImageTooSmall, InvalidImage
from multiedit.pipelines.common.settings import RequestLimits
from multiedit.pipelines.images.header import ImageHeader, read_header
from PIL import Image, ImageCms

LIMITS = RequestLimits()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_header_of_each_format(kind, photo, save) -> None:
    header = read_header(save(photo, kind), LIMITS)
    mode = "P" if kind == "GIF" else "RGB"
    assert header == ImageHeader(kind.lower(), 320, 256, mode, 8, 1, has_alpha=False)


@pytest.mark.parametrize(
    ("kind", "mode", "has_alpha"),
    [
        ("PNG", "RGBA", True),
        ("PNG", "LA", True),
        ("PNG", "L", False),
        ("WEBP", "RGBA", True),
        ("AVIF", "RGBA", True),
    ],
)
def test_alpha_is_told(kind, mode, has_alpha, photo, save) -> None:
    image = photo.convert(mode)
    if has_alpha:
        image.putalpha(100)
    header = read_header(save(image, kind), LIMITS)
    assert (header.mode, header.has_alpha) == (mode, has_alpha)


def test_a_transparent_colour_is_alpha(photo, save) -> None:
    assert read_header(save(photo, "PNG", transparency=(1, 2, 3)), LIMITS).has_alpha
    assert read_header(save(photo.quantize(16), "GIF", transparency=3), LIMITS).has_alpha


def test_bits_a_channel_are_told(png_file, photo, save) -> None:
    assert read_header(png_file((256, 256), 16, 2, np.zeros((256, 1536), np.uint8)), LIMITS).depth == 16
    assert read_header(save(photo.convert("1"), "PNG"), LIMITS).depth == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_size_is_the_upright_one(kind, orientation, photo, save) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    header = read_header(save(photo, kind, exif=exif), LIMITS)
    assert (header.width, header.height) == ((320, 256) if orientation < 5 else (256, 320))
    assert header.orientation == orientation


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_an_animation_is_its_first_frame(kind, photo, save) -> None:
    others = [photo.rotate(angle) for angle in (90, 180)]
    header = read_header(save(photo, kind, save_all=True, append_images=others), LIMITS)
    assert (header.width, header.height) == (320, 256)


SIZES = {
    (256, 256): None,
    (255, 257): (ImageTooSmall, r"image 2 is 255x257 \(65535 px\); the least is 65536 px"),
    (63, 4000): (ImageTooSmall, "image 2 is 63x4000; each side must have at least 64 px"),
    (64, 1024): None,
    (1, 100_000): (ImageTooSmall, "image 2 is 1x100000; each side must have at least 64 px"),
    (7680, 4320): None,
    (7681, 4320): (
        ImageTooLarge,
        r"image 2 is 33\.2 MP \(7681x4320\); the limit is 33\.2 MP \(33177600 px\)\. Scale it down",
    ),
    (30_000, 30_000): (ImageTooLarge, r"image 2 is 900\.0 MP \(30000x30000\); .* Scale it down and send"),
    (0, 4000): (ImageTooSmall, "image 2 is 0x4000"),
    (2**31 - 1, 2**31 - 1): (ImageTooLarge, "2147483647x2147483647"),
}


@pytest.mark.parametrize(("size", "refusal"), SIZES.items(), ids=str)
def test_size_is_checked_before_any_decode(size, refusal, png_file) -> None:
    data = png_file(size, 8, 2, np.zeros((1, 3), np.uint8))
    if refusal is None:
        assert (lambda header: (header.width, header.height))(read_header(data, LIMITS, "image 2")) == size
        return
    error, message = refusal
    with pytest.raises(error, match=message):
        read_header(data, LIMITS, "image 2")


def jpeg_of(width: int, height: int) -> bytes:
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xda\x00\x02"


def gif_of(width: int, height: int, frame: tuple[int, int] = (0, 0)) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0, 0, 0)
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x00;"


def webp_of(kind: bytes, body: bytes) -> bytes:
    chunks = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks


DECLARED = {
    "jpeg": jpeg_of,
    "gif": gif_of,
    "gif whose frame is larger": lambda width, height: gif_of(30, 30, frame=(width, height)),
    "webp": lambda width, height: webp_of(b"VP8 ", bytes(6) + struct.pack("<HH", width, height)),
    "webp lossless": lambda width, height: webp_of(
        b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14)
    ),
    "webp canvas": lambda width, height: webp_of(
        b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    ),
}


@pytest.mark.parametrize("kind", DECLARED)
@pytest.mark.parametrize("size", [(16_000, 16_000), (40, 9000)])
def test_a_declared_size_alone_refuses(kind, size) -> None:
    with pytest.raises((ImageTooLarge, ImageTooSmall), match=f"{size[0]}x{size[1]}"):
        read_header(DECLARED[kind](*size), LIMITS)


def test_a_file_must_be_smaller_than_the_limit(photo, save) -> None:
    data = save(photo, "JPEG")
    read_header(data, replace(LIMITS, max_file_bytes=len(data) + 1))
    size = rf"\({len(data)} bytes\)"
    with pytest.raises(FileTooLarge, match=rf"image 1 is .* {size}; a file must be smaller than .* {size}"):
        read_header(data, replace(LIMITS, max_file_bytes=len(data)), "image 1")


def test_26_megabytes_are_refused_whatever_they_are() -> None:
    with pytest.raises(FileTooLarge, match=r"26\.0 MB \(26000000 bytes\).*25\.0 MB \(25000000 bytes\)"):
        read_header(bytes(26_000_000), LIMITS)


def test_pillow_s_process_wide_limit_has_no_say(photo, save, monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for kind in ("JPEG", "PNG", "GIF", "AVIF"):
        assert read_header(save(photo, kind), LIMITS).width == 320


def test_avif_without_a_reader_says_what_to_do(photo, save, monkeypatch) -> None:
    data = save(photo, "AVIF")
    monkeypatch.setattr(Image, "OPEN", {})
    with pytest.raises(
        InvalidImage, match=r"which nothing installed can read\. Install Pillow .* or convert"
    ):
        read_header(data, LIMITS)


def frames(kind: str, count: int) -> bytes:
    first, *others = (Image.new("RGB", (320, 256), (0, 90 * number, 0)) for number in range(count))
    buffer = BytesIO()
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(buffer, kind, **more)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_a_moving_picture_says_that_its_first_frame_is_used(kind: str) -> None:
    said = "Image 1 has several frames: the first is used."
    assert read_header(frames(kind, 3), LIMITS, "image 1").notes == (said,)
    assert read_header(frames(kind, 1), LIMITS, "image 1").notes == ()
