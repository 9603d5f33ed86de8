"""Colours that a file declares: by profile at 16 bits, by PNG's chunks, by nclx."""

from __future__ import annotations

import io
import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images import heic
from multiedit.pipelines.images.cicp import BT709, PRIMARIES, Cicp
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from multiedit.pipelines.images.hevc_color import parameter_set_color
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.tests.support.icc_files import ADOBE, CURVES, DISPLAY_P3, curv, icc, para
from multiedit.tests.support.iso_files import box, nclx
from PIL import Image, ImageCms

LIMITS = Limits()
GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}


def reference(levels: np.ndarray, profile: bytes) -> np.ndarray:
    """littleCMS at 8 bits, without the tables of 33 steps that it puts in place of a grey curve."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    grey = levels.shape[2] == 1
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        "L" if grey else "RGB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOOPTIMIZE,
    )
    image = Image.fromarray(levels[..., 0] if grey else levels)
    return np.asarray(transform.apply(image))[..., : levels.shape[2]]


def rows(stored: np.ndarray) -> np.ndarray:
    return stored.astype(">u2").reshape(len(stored), -1).view(np.uint8)


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"p\0\0" + zlib.compress(profile)


@pytest.mark.parametrize("colour_type", CHANNELS)
@pytest.mark.parametrize("curve", CURVES)
def test_a_profile_in_a_16_bit_png_is_applied(curve, colour_type, png_file) -> None:
    channels = CHANNELS[colour_type]
    colors = channels - (channels in (2, 4))
    levels = np.random.default_rng(1).integers(0, 256, (256, 256, channels), np.uint8)
    profile = icc(CURVES[curve], space=b"GRAY" if colors == 1 else b"RGB ")
    data = png_file((256, 256), 16, colour_type, rows(levels.astype(np.uint16) * 257), iccp(profile))
    pixels = decode(data, read_header(data, LIMITS)).pixels.numpy()
    assert pixels.dtype == np.float32
    expected = reference(np.ascontiguousarray(levels[..., :colors]), profile)
    assert np.abs(pixels[..., :colors] * 255 - expected).max() <= 1.0
    assert np.array_equal((pixels[..., colors:] * 255).round(), levels[..., colors:])


@pytest.mark.parametrize("coded", ["full", "limited"])
def test_the_range_of_an_avif_s_planes_is_undone_once(coded) -> None:
    buffer = io.BytesIO()
    image = Image.new("RGB", (256, 256), (60, 120, 200))
    image.save(buffer, "AVIF", range=coded, quality=100, subsampling="4:4:4")
    header = read_header(buffer.getvalue(), LIMITS)
    assert header.notes == ()
    pixels = decode(buffer.getvalue(), header).pixels.numpy().astype(int)
    assert np.abs(pixels - np.asarray(image)).max() <= 3  # limited planes have 220 levels


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("curve", CURVES)
def test_a_grey_profile_at_8_bits_is_littlecms_s_own(curve, channels, png_file) -> None:
    levels = np.random.default_rng(1).integers(0, 256, (256, 256, channels), np.uint8)
    profile = icc(CURVES[curve], space=b"GRAY")
    colour_type = GREY if channels == 1 else GREY_ALPHA
    data = png_file((256, 256), 8, colour_type, levels.reshape(256, -1), iccp(profile))
    pixels = decode(data, read_header(data, LIMITS)).pixels.numpy()
    assert np.array_equal(pixels[..., :1], reference(levels[..., :1].copy(), profile))
    assert np.array_equal(pixels[..., 1:], levels[..., 1:])


def test_sixteen_bits_stay_sixteen_bits(png_file) -> None:
    stored = np.arange(65_536, dtype=np.uint16).reshape(256, 256, 1).repeat(3, 2)
    data = png_file((256, 256), 16, RGB, rows(stored), iccp(icc(CURVES["gamma"], BT709)))
    pixels = decode(data, read_header(data, LIMITS)).pixels.numpy()
    assert len(np.unique(pixels[..., 0])) > 60_000
    light = (stored[..., 0] / 65_535) ** (563 / 256)
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(pixels[..., 0] - expected).max() < 3e-4


def test_a_lookup_table_profile_goes_through_littlecms(png_file) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    broken = icc(CURVES["gamma"]).replace(b"rTRC", b"A2B0")  # a table that cannot be read: counts as sRGB
    levels = np.full((256, 256, 3), 30_000, np.uint16)
    for profile in (lab, broken):
        data = png_file((256, 256), 16, RGB, rows(levels), iccp(profile))
        pixels = decode(data, read_header(data, LIMITS)).pixels.numpy()
        assert np.allclose(pixels * 65_535, 30_000, atol=1)


def chrm(primaries: tuple[float, ...]) -> tuple[bytes, bytes]:
    points = (*primaries[6:], *primaries[:6])
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in points))


def gama(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def cicp(primaries: int, transfer: int, matrix: int = 0, full: int = 1) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, matrix, full])


SRGB = (b"sRGB", b"\0")
SRGB_CURVE = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
P3 = icc(SRGB_CURVE, DISPLAY_P3)
LINEAR_709 = icc(curv(), BT709)
AS_IT_IS = b""
# What the chunks say, and the profile that says the same, or nothing where they mean sRGB.
PNG_COLORS = {
    "nothing": ([], AS_IT_IS),
    "cICP P3": ([cicp(12, 13)], P3),
    "cICP BT.709": ([cicp(1, 1)], icc(CURVES["BT.709"], BT709)),
    "cICP gamma 2.2": ([cicp(1, 4)], icc(curv(round(2.2 * 256)), BT709)),
    "cICP sRGB": ([cicp(1, 13)], AS_IT_IS),
    "cICP before iCCP": ([cicp(1, 13), iccp(P3)], AS_IT_IS),
    "cICP before sRGB": ([cicp(12, 13), SRGB], P3),
    "cICP of reserved numbers": ([cicp(3, 99), gama(1.0)], LINEAR_709),
    "cICP with a matrix": ([cicp(12, 13, 6), SRGB], AS_IT_IS),
    "iCCP before sRGB and gAMA": ([iccp(P3), SRGB, gama(1.0)], P3),
    "sRGB before gAMA and cHRM": ([SRGB, gama(1.0), chrm(DISPLAY_P3)], AS_IT_IS),
    "gAMA": ([gama(1.0)], LINEAR_709),
    "gAMA of sRGB": ([gama(0.45455)], AS_IT_IS),
    "gAMA and cHRM of sRGB": ([gama(0.45455), chrm(BT709)], AS_IT_IS),
    "gAMA and cHRM": ([gama(1 / 1.8), chrm(ADOBE)], icc(para(0, 1.8), ADOBE)),
    "gAMA of sRGB, cHRM of P3": ([gama(0.45455), chrm(DISPLAY_P3)], P3),
    "cHRM alone": ([chrm(DISPLAY_P3)], AS_IT_IS),
    "gAMA of zero": ([gama(0)], AS_IT_IS),
    "cHRM of zeros": ([gama(1.0), (b"cHRM", bytes(32))], LINEAR_709),
    "chunks cut short": ([(b"cICP", b"\x0c"), (b"gAMA", b"\0"), (b"cHRM", b"\0")], AS_IT_IS),
}


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(("chunks", "same"), PNG_COLORS.values(), ids=PNG_COLORS)
def test_png_colours_by_order_of_precedence(chunks, same, depth, png_file) -> None:
    levels = np.random.default_rng(2).integers(0, 256, (256, 256, 3), np.uint8)
    stored = levels.reshape(256, -1) if depth == 8 else rows(levels.astype(np.uint16) * 257)
    data = png_file((256, 256), depth, RGB, stored, *chunks)
    picture = ImageFile(data, LIMITS, "image 2")
    pixels = picture.image()[0].numpy() * 255
    expected = reference(levels, same) if same else levels
    assert np.abs(pixels - expected).max() <= 1.0
    notes = picture.facts(detect_mask=False).notes
    assert len(notes) == bool(same)
    assert all(note.startswith("Image 2 has the colour") and "converted to sRGB" in note for note in notes)


def test_the_linear_picture_of_the_issue(png_file) -> None:
    data = png_file((256, 256), 8, RGB, np.full((256, 768), 55, np.uint8), gama(1.0))
    assert np.abs(ImageFile(data, LIMITS, "image 1").image().numpy() * 255 - 128).max() <= 1


def test_narrow_range(png_file) -> None:
    levels = np.repeat(np.array([16, 126, 235], np.uint8), 256).reshape(3, 256, 1).repeat(3, 2)
    data = png_file((256, 256), 8, RGB, np.tile(levels.reshape(3, -1), (86, 1))[:256], cicp(1, 13, 0, 0))
    pixels = ImageFile(data, LIMITS, "image 1").image()[0, :3, 0, 0].numpy() * 255
    assert np.abs(pixels - (0, 128, 255)).max() <= 1


def pq(nits: float) -> int:
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    y = (nits / 10_000) ** m1
    return round(65_535 * ((c1 + c2 * y) / (1 + c3 * y)) ** m2)


def mapped(code: int, transfer: int, png_file, *chunks: tuple[bytes, bytes]) -> float:
    stored = np.full((256, 256, 3), code, np.uint16)
    data = png_file((256, 256), 16, RGB, rows(stored), cicp(9, transfer), *chunks)
    picture = ImageFile(data, LIMITS, "image 1")
    assert "is HDR" in picture.facts(detect_mask=False).notes[0]
    return float(picture.image()[0, 0, 0, 1]) * 255


def srgb(light: float) -> float:
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


def test_pq_is_mapped_by_bt_2390(png_file) -> None:
    dark = mapped(pq(20), 16, png_file)
    assert dark == pytest.approx(srgb(20 / 203), abs=0.5)  # below the knee light stays as it is
    assert mapped(0, 16, png_file) == 0
    white = mapped(pq(203), 16, png_file)
    assert 215 < white < 240
    assert mapped(pq(1000), 16, png_file) == pytest.approx(255, abs=0.5)
    assert mapped(pq(4000), 16, png_file) == pytest.approx(255, abs=0.5)
    told = (b"cLLI", struct.pack(">II", 203 * 10_000, 0))
    assert mapped(pq(203), 16, png_file, told) == pytest.approx(255, abs=0.5)


def test_hlg_is_mapped(png_file) -> None:
    steps = [mapped(code, 18, png_file) for code in (0, 13_107, 32_768, 49_151, 65_535)]
    assert steps == sorted(steps)
    assert steps[0] == pytest.approx(0, abs=0.5)
    assert steps[-1] == pytest.approx(255, abs=0.5)
    assert 215 < steps[3] < 240  # 75 % is reference white


def tagged(kind: str, levels: np.ndarray, primaries: int, transfer: int) -> bytes:
    """A file whose nclx says what its pixels were not converted to."""
    buffer = io.BytesIO()
    image = Image.fromarray(levels)
    if kind == "AVIF":
        image.save(buffer, kind, quality=100, subsampling="4:4:4")
    else:
        pillow_heif = pytest.importorskip("pillow_heif")
        pillow_heif.from_pillow(image).save(buffer, quality=100, chroma=444)
    written, wanted = nclx(1, 13), nclx(primaries, transfer)
    assert written in buffer.getvalue()
    return buffer.getvalue().replace(written, wanted)


NCLX = {
    "P3": (12, 13, P3),
    "BT.2020": (9, 13, icc(SRGB_CURVE, PRIMARIES[9][1])),
    "BT.709 curve": (1, 1, icc(CURVES["BT.709"], BT709)),
    "gamma 2.2": (1, 4, icc(curv(round(2.2 * 256)), BT709)),
    "linear": (1, 8, LINEAR_709),
    "sRGB": (1, 13, AS_IT_IS),
    "unspecified": (2, 2, AS_IT_IS),
    "reserved": (3, 3, AS_IT_IS),
}


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
@pytest.mark.parametrize(("primaries", "transfer", "same"), NCLX.values(), ids=NCLX)
def test_nclx_is_honoured(kind, primaries, transfer, same) -> None:
    if kind == "HEIF" and primaries == 3:
        pytest.skip("libheif refuses reserved numbers")
    blocks = np.random.default_rng(3).integers(40, 216, (4, 4, 3), np.uint8).repeat(64, 0).repeat(64, 1)
    data = tagged(kind, blocks, primaries, transfer)
    picture = ImageFile(data, LIMITS, "image 1")
    plain = ImageFile(tagged(kind, blocks, 1, 13), LIMITS, "image 1").image()[0].numpy() * 255
    levels = plain.round().astype(np.uint8)
    expected = reference(levels, same) if same else levels
    assert np.abs(picture.image()[0].numpy() * 255 - expected).max() <= 1.0
    assert len(picture.facts(detect_mask=False).notes) == bool(same)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_avif_is_mapped_and_said(transfer) -> None:
    picture = ImageFile(tagged("AVIF", np.full((256, 256, 3), 148, np.uint8), 9, transfer), LIMITS, "image 1")
    assert "is HDR, BT.2020" in picture.facts(detect_mask=False).notes[0]
    assert 0.2 < float(picture.image().mean()) < 0.98


def test_av1_s_own_colours_count_where_the_container_gives_none(photo, save) -> None:
    """The code points 1, 13, 6 in the sequence header become those of Display P3."""
    data = save(photo, "AVIF")
    start = data.index(b"mdat") + 4
    header = data[start : start + 24]
    bits = "".join(f"{byte:08b}" for byte in header)
    points = "".join(f"{point:08b}" for point in (1, 13, 6))
    assert bits.count(points) == 1
    changed = int(bits.replace(points, f"{12:08b}{points[8:]}"), 2).to_bytes(len(header), "big")
    inside = data.replace(header, changed).replace(b"colrnclx", b"freenclx")
    outside = data.replace(b"colr" + nclx(1, 13)[8:], b"colr" + nclx(12, 13)[8:])
    notes = read_header(inside, LIMITS, "image 1").notes
    assert notes == ("Image 1 has the colours Display P3, sRGB curve (nclx): converted to sRGB.",)
    pixels = [decode(each, read_header(each, LIMITS)).pixels.numpy() for each in (inside, outside)]
    assert np.array_equal(*pixels)
    assert read_header(data.replace(b"colrnclx", b"freenclx"), LIMITS).notes == ()


@pytest.mark.parametrize("decoder", ["pillow_heif", "av"])
@pytest.mark.parametrize(("primaries", "transfer"), [(12, 13), (9, 16), (1, 13), (2, 2)])
def test_hevc_s_own_colours_count_where_the_container_gives_none(
    decoder, primaries, transfer, photo, monkeypatch
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pytest.importorskip(decoder)
    monkeypatch.setattr(heic, "DECODERS", (decoder,))
    buffer = io.BytesIO()
    points = {"color_primaries": primaries, "transfer_characteristics": transfer, "matrix_coefficients": 6}
    pillow_heif.from_pillow(photo).save(buffer, **points, full_range_flag=1)
    outside = buffer.getvalue()
    inside = outside.replace(b"colrnclx", b"freenclx")
    assert inside != outside
    headers = [read_header(data, LIMITS) for data in (inside, outside)]
    assert headers[0] == headers[1]
    assert (headers[0].color is None) == (primaries < 9)
    pixels = [
        decode(data, header).pixels.numpy() for data, header in zip((inside, outside), headers, strict=True)
    ]
    assert np.array_equal(*pixels)


def test_colours_of_a_moving_hevc_stream() -> None:
    av = pytest.importorskip("av")
    try:
        codec = av.CodecContext.create("libx265", "w")
    except av.error.FFmpegError:
        pytest.skip("PyAV has no HEVC encoder")
    codec.width, codec.height, codec.pix_fmt, codec.framerate = 256, 128, "yuv420p", 25
    codec.time_base = Fraction(1, 25)
    settings = "log-level=none:scaling-list=default:colorprim=9:transfer=14:colormatrix=9:range=limited"
    codec.options = {"x265-params": f"{settings}:sar=2:bframes=3:repeat-headers=1"}
    packets = [*codec.encode(av.VideoFrame(256, 128, "yuv420p")), *codec.encode(None)]
    units = b"".join(map(bytes, packets)).split(b"\x00\x00\x01")
    colors = [color for unit in units if (color := parameter_set_color(unit.rstrip(b"\x00")))]
    assert set(colors) == {Cicp(9, 14, 9, full_range=False)}


def test_a_profile_counts_before_nclx(photo, save) -> None:
    data = save(photo, "AVIF", icc_profile=P3)
    header = read_header(data, LIMITS, "image 1")
    assert header.color is None
    assert header.notes == ("Image 1 has the colour profile Test: converted to sRGB.",)


def test_an_srgb_profile_gives_no_note(photo, save) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert read_header(save(photo, "JPEG", icc_profile=profile), LIMITS).notes == ()


def test_clli_is_the_peak() -> None:
    data = tagged("AVIF", np.full((256, 256, 3), 148, np.uint8), 9, 16)
    assert b"pixi" in data
    pixi = data.index(b"pixi")
    changed = data[: pixi - 4] + box(b"clli", struct.pack(">HHI", 203, 0, 0)) + data[pixi + 12 :]
    note = ImageFile(changed, LIMITS, "image 1").facts(detect_mask=False).notes[0]
    assert "from 203 to 203" in note


def test_a_damaged_profile_gives_pixels_or_an_error_of_the_tree(png_file) -> None:
    profile = icc(CURVES["BT.709"])
    source = np.random.default_rng(9)
    levels = rows(source.integers(0, 65_536, (64, 1024, 3), np.uint16))
    for _ in range(60):
        damaged = bytearray(profile)
        for place in source.integers(128, len(profile), 3):
            damaged[place] = source.integers(0, 256)
        data = png_file((1024, 64), 16, RGB, levels, iccp(bytes(damaged)))
        pixels = decode(data, read_header(data, LIMITS)).pixels.numpy()
        assert np.isfinite(pixels).all()
