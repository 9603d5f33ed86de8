from __future__ import annotations

import io
import textwrap
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multiedit.pipelines.common.errors import InvalidImage, MultiEditError
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import DecodeJob, Raster, decode, decode_many, image_from, mask_from
from multiedit.pipelines.images.header import read_header
from PIL import Image, ImageOps, PngImagePlugin

LIMITS = replace(Limits(), min_pixels=1, min_side=1)


def pixels(data: bytes, **options) -> np.ndarray:
    return decode(data, read_header(data, LIMITS), **options).pixels.numpy()


def distance(one, other) -> float:
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).max())


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossless_files_come_back_exactly(kind, mode, photo, save) -> None:
    image = photo.convert(mode)
    if mode == "RGBA":
        image.putalpha(photo.getchannel("R"))
    parameters = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert np.array_equal(pixels(save(image, kind, **parameters)), np.asarray(image))


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_lossy_files_come_back_as_pillow_reads_them(kind, photo, save) -> None:
    data = save(photo, kind)
    assert np.array_equal(pixels(data), np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_stays_grey(mode, photo, save) -> None:
    image = photo.convert("L")
    if mode == "LA":
        image.putalpha(photo.getchannel("G"))
    expected = np.asarray(image).reshape(256, 320, len(mode))
    assert np.array_equal(pixels(save(image, "PNG")), expected)


# The letter F, stored as each EXIF orientation has it: two columns for row 0, one for the others.
UPRIGHT = np.array([[9, 8, 7], [6, 5, 0], [4, 0, 0], [3, 0, 0]], np.uint8) * 20
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: np.rot90(UPRIGHT, 2),
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT, 1),
    7: np.rot90(UPRIGHT, 2).T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "L"), ("PNG", "RGB"), ("PNG", "RGBA"), ("WEBP", "RGB"), ("WEBP", "RGBA")],
)
def test_orientation_is_applied_pixel_by_pixel(kind, orientation, mode, save) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation])).convert(mode)
    if mode == "RGBA":
        image.putalpha(200)
    parameters = {"lossless": True} if kind == "WEBP" else {}
    result = pixels(save(image, kind, exif=exif, **parameters))
    assert np.array_equal(result[..., 0], UPRIGHT)
    assert result.shape[2] == len(mode)
    assert result.flags.c_contiguous


@pytest.mark.parametrize("orientation", STORED)
def test_orientation_of_a_photograph_equals_pillow_s(orientation, photo, save) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = save(photo, "JPEG", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(pixels(data), np.asarray(expected))


@pytest.mark.parametrize("chunk", ["tEXt", "zTXt"])
@pytest.mark.parametrize("keyword", ["exif", "APP1"])
@pytest.mark.parametrize("prefix", [b"", b"Exif\x00\x00"])
def test_imagemagick_s_raw_profile_turns_a_png(prefix, keyword, chunk, save) -> None:
    exif = (
        prefix + b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" + bytes(4)
    )
    digits = "\n".join(textwrap.wrap(exif.hex(), 72))
    info = PngImagePlugin.PngInfo()
    info.add_text(
        f"Raw profile type {keyword}", f"\n{keyword}\n{len(exif):8}\n{digits}\n", zip=chunk == "zTXt"
    )
    image = Image.fromarray(np.ascontiguousarray(STORED[6]))
    assert np.array_equal(pixels(save(image, "PNG", pnginfo=info))[..., 0], UPRIGHT)
    exif_chunk = Image.Exif()
    exif_chunk[0x0112] = 1  # PNG's own chunk counts before a text
    assert pixels(save(image, "PNG", pnginfo=info, exif=exif_chunk)).shape[:2] == STORED[6].shape


@pytest.mark.parametrize(
    "text", ["", "\nexif\n", "\nexif\n 4\nzzzz\n", "\nexif\n 4\n49492a\n", "x" * 300_000]
)
def test_a_raw_profile_that_makes_no_sense_is_passed_over(text, save) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", text, zip=True)
    assert pixels(save(Image.new("L", (3, 4)), "PNG", pnginfo=info)).shape[:2] == (4, 3)


def test_palette_with_transparency(photo, save) -> None:
    image = photo.quantize(32)
    alphas = bytes(range(0, 256, 8))
    result = pixels(save(image, "PNG", transparency=alphas))
    assert np.array_equal(result[..., :3], np.asarray(image.convert("RGB")))
    assert np.array_equal(result[..., 3], np.frombuffer(alphas, np.uint8)[np.asarray(image)])


def test_a_transparent_colour_becomes_alpha(photo, save) -> None:
    image = photo.copy()
    image.paste((1, 2, 3), (10, 10, 50, 50))
    result = pixels(save(image, "PNG", transparency=(1, 2, 3)))
    assert np.array_equal(result[..., 3] == 0, (np.asarray(image) == (1, 2, 3)).all(axis=2))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_transparent_grey_level_in_the_file_s_own_scale(depth, png_file) -> None:
    levels = 1 << depth
    values = (np.arange(64 * 64).reshape(64, 64) % levels).astype(np.uint8)
    per_byte = 8 // depth
    shifts = np.arange(per_byte - 1, -1, -1) * depth
    rows = (values.reshape(64, -1, per_byte) << shifts).sum(axis=2).astype(np.uint8)
    data = png_file((64, 64), depth, 0, rows, (b"tRNS", b"\x00\x01"))
    result = pixels(data)
    assert np.array_equal(result[..., 0], values * (255 // (levels - 1)))
    assert np.array_equal(result[..., 1] == 0, values == 1)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_an_animation_gives_its_first_frame(kind, photo, save) -> None:
    image = photo.quantize(64).convert("RGB")
    others = [Image.new("RGB", photo.size, colour) for colour in ("red", "blue")]
    parameters = {"GIF": {"disposal": 2}, "WEBP": {"lossless": True}, "PNG": {}}[kind]
    data = save(image, kind, save_all=True, append_images=others, **parameters)
    assert distance(pixels(data)[..., :3], image) <= 1


def test_a_gif_frame_smaller_than_its_canvas(save) -> None:
    frame = Image.new("P", (100, 80), 1)
    frame.putpalette([0, 0, 0, 200, 100, 50])
    data = bytearray(save(frame, "GIF", optimize=False, transparency=0))
    data[6:10] = (120).to_bytes(2, "little") + (90).to_bytes(2, "little")
    result = pixels(bytes(data))
    assert result.shape == (90, 120, 4)
    assert (result[:80, :100] == (200, 100, 50, 255)).all()
    assert (result[80:, :, 3] == 0).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_a_truncated_file_is_refused_wherever_it_ends(kind, photo, save) -> None:
    data = save(photo, kind)
    # The last bytes may be an end marker or padding: without them all pixels can still be there.
    ends = {*range(12, 700, 37), *np.linspace(700, len(data) - 32, 25, dtype=int).tolist()}
    for end in sorted(ends):
        with pytest.raises(InvalidImage):
            pixels(data[:end])


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_damaged_picture_names_itself_and_the_next_step(kind, photo, save) -> None:
    data = bytearray(save(photo, kind))
    data[len(data) // 2 :: 3] = bytes(len(data[len(data) // 2 :: 3]))
    with pytest.raises(InvalidImage, match=r"^image 2 is a damaged or incomplete \w+ file\. Save it again"):
        decode(bytes(data), read_header(save(photo, kind), LIMITS), "image 2")


@pytest.fixture(scope="module")
def seeds(photo, save) -> list[bytes]:
    small = photo.resize((80, 64))
    exif = Image.Exif()
    exif[0x0112] = 6
    with_alpha = small.copy()
    with_alpha.putalpha(90)
    return [
        save(small, "JPEG", exif=exif, progressive=True),
        save(small.convert("CMYK"), "JPEG"),
        save(small.quantize(16), "PNG", transparency=3),
        save(with_alpha, "PNG", exif=exif),
        save(small.convert("I;16"), "PNG"),
        save(with_alpha, "WEBP", exif=exif),
        save(small, "WEBP", save_all=True, append_images=[small.rotate(90)]),
        save(small, "GIF", save_all=True, append_images=[small.rotate(90)]),
        save(small, "AVIF"),
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.data())
def test_fuzzed_files_raise_only_errors_of_the_tree(choice, seeds) -> None:
    data = bytearray(choice.draw(st.sampled_from(seeds)))
    places = st.tuples(st.integers(0, len(data) - 1), st.integers(0, 255))
    for place, value in choice.draw(st.lists(places, max_size=8)):
        data[place] = value
    start, length = choice.draw(st.tuples(st.integers(0, len(data)), st.integers(0, 40)))
    if choice.draw(st.booleans()):
        del data[start : start + length]
    else:
        data[start:start] = choice.draw(st.binary(max_size=40))
    limits = replace(LIMITS, max_pixels=1_000_000)
    try:
        raster = decode(bytes(data), read_header(bytes(data), limits))
    except MultiEditError:
        return
    assert raster.pixels.shape[2] in (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("at_least", "size"),
    [
        ((320, 256), (320, 256)),
        ((161, 100), (320, 256)),
        ((160, 128), (160, 128)),
        ((41, 30), (80, 64)),
        ((9, 9), (40, 32)),
    ],
)
def test_a_jpeg_is_decoded_no_larger_than_asked_for(at_least, size, photo, save) -> None:
    result = pixels(save(photo, "JPEG"), at_least=at_least)
    assert result.shape == (size[1], size[0], 3)
    reduced = photo.resize(size, Image.Resampling.BOX)
    assert np.abs(np.asarray(reduced, int) - result).mean() < 4


def test_reduced_decode_measures_the_upright_picture(photo, save) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save(photo, "JPEG", exif=exif)
    assert pixels(data, at_least=(120, 160)).shape == (160, 128, 3)
    assert pixels(data, at_least=(130, 160)).shape == (320, 256, 3)


def test_other_formats_are_decoded_whole(photo, save) -> None:
    assert pixels(save(photo, "PNG"), at_least=(10, 10)).shape == (256, 320, 3)


def test_many_are_decoded_in_the_order_given(photo, save) -> None:
    images = [photo.rotate(angle) for angle in (0, 90, 180, 270)]
    files = [save(image, "PNG") for image in images]
    rasters = decode_many([DecodeJob(data, read_header(data, LIMITS)) for data in files])
    for image, raster in zip(images, rasters, strict=True):
        assert np.array_equal(raster.pixels, np.asarray(image))
    assert decode_many([]) == []


def test_the_first_bad_picture_of_many_is_named(photo, save) -> None:
    data = save(photo, "PNG")
    header = read_header(data, LIMITS)
    broken = bytearray(data)
    broken[len(data) // 2] ^= 0xFF
    jobs = [DecodeJob(bytes(broken) if bad else data, header, f"image {bad}") for bad in (0, 2, 3)]
    with pytest.raises(InvalidImage, match="image 2"):
        decode_many(jobs)


def raster_of(*values) -> Raster:
    return Raster(torch.tensor(values, dtype=torch.uint8).reshape(1, 1, -1).expand(4, 6, -1).contiguous())


@pytest.mark.parametrize(
    ("stored", "picture", "mask"),
    [
        ((51,), (51, 51, 51), 51),
        ((51, 102), (51, 51, 51, 102), 51 * 102 / 255),
        ((10, 200, 30), (10, 200, 30), 0.299 * 10 + 0.587 * 200 + 0.114 * 30),
        ((255, 255, 255, 128), (255, 255, 255, 128), 128),
    ],
)
def test_picture_and_mask_of_a_raster(stored, picture, mask) -> None:
    raster = raster_of(*stored)
    expected = torch.tensor(picture, dtype=torch.float32) / 255
    assert torch.equal(image_from(raster), expected.expand(1, 4, 6, len(picture)))
    assert mask_from(raster).shape == (1, 4, 6)
    assert torch.allclose(mask_from(raster), torch.tensor(mask / 255))
    for made in (image_from(raster, (3, 2)), mask_from(raster, (3, 2))):
        assert made.shape[1:3] == (2, 3)
        assert made.is_contiguous()
    assert torch.allclose(image_from(raster, (3, 2)), expected, atol=1e-6)


def test_white_is_one_exactly() -> None:
    assert image_from(raster_of(255, 255, 255)).eq(1).all()
    assert mask_from(raster_of(255)).eq(1).all()
    assert mask_from(raster_of(255), (50, 50)).eq(1).all()


@pytest.mark.parametrize("size", [(160, 128), (97, 201), (640, 512)])
def test_resized_like_pillow_s_lanczos(size, photo, save) -> None:
    for image in (photo, photo.convert("L")):
        raster = Raster(torch.from_numpy(np.array(image).reshape(256, 320, -1)))
        expected = np.asarray(image.resize(size, Image.Resampling.LANCZOS)).reshape(size[1], size[0], -1)
        assert (
            distance(image_from(raster, size)[0] * 255, np.broadcast_to(expected, (*size[::-1], 3))) <= 2.01
        )


def test_hidden_colours_do_not_bleed_when_resized() -> None:
    pixels = torch.zeros(64, 64, 4, dtype=torch.uint8)
    pixels[:, :32] = torch.tensor([0, 200, 0, 255], dtype=torch.uint8)
    pixels[:, 32:] = torch.tensor([255, 0, 255, 0], dtype=torch.uint8)
    image = image_from(Raster(pixels), (21, 21))
    visible = image[..., 3] > 0.02
    assert visible.any()
    assert image[..., 0][visible].max() < 0.01
    assert (image[..., 1][visible] - 200 / 255).abs().max() < 0.01


def test_a_resized_mask_has_no_lobes() -> None:
    pixels = torch.zeros(200, 200, 1, dtype=torch.uint8)
    pixels[60:140, 60:140] = 255
    mask = mask_from(Raster(pixels), (50, 50))
    assert mask[0, 17:33, 17:33].eq(1).all()
    assert mask[0, :13].eq(0).all()
    assert mask[0, 20:30, :13].eq(0).all()


def test_deep_pixels_stay_deep() -> None:
    raster = Raster(torch.full((4, 6, 1), 0.5001))
    assert image_from(raster).eq(torch.tensor(0.5001)).all()
    assert mask_from(raster).eq(torch.tensor(0.5001)).all()
    assert image_from(raster, (3, 2)).sub(0.5001).abs().max() < 1e-6


def test_the_raster_is_not_written_into() -> None:
    raster = Raster(torch.randint(256, (8, 8, 4), dtype=torch.uint8))
    before = raster.pixels.clone()
    image_from(raster, (4, 4)).add_(1)
    image_from(raster).add_(1)
    mask_from(raster).add_(1)
    assert torch.equal(raster.pixels, before)
