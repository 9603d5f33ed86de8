from __future__ import annotations

import logging

import numpy as np
import pytest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.color import foreign_transform, to_srgb
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from multiedit.tests.support.icc_files import CURVES, icc
from PIL import Image, ImageCms


def levels(image: Image.Image) -> np.ndarray:
    return to_srgb(image, foreign_transform(image, "image 1"))


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RED_IS_GREEN = SRGB.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")


def with_gamma(gamma: float) -> bytes:
    """sRGB's primaries with a plain power as tone curve."""
    data = bytearray(SRGB)
    for index in range(int.from_bytes(data[128:132], "big")):
        entry = data[132 + 12 * index : 144 + 12 * index]
        if entry[1:4] == b"TRC":
            start = int.from_bytes(entry[4:8], "big")
            curve = b"curv" + bytes(4) + (1).to_bytes(4, "big") + round(gamma * 256).to_bytes(2, "big")
            data[start : start + len(curve)] = curve
    return bytes(data)


SQUARE = Image.new("RGB", (256, 256), (200, 100, 50))

MODES = {
    "1": (Image.new("1", (4, 3), 1), (255,)),
    "L": (Image.new("L", (4, 3), 77), (77,)),
    "LA": (Image.new("LA", (4, 3), (77, 10)), (77, 10)),
    "La": (Image.new("LA", (4, 3), (77, 255)).convert("La"), (77, 255)),
    "RGB": (Image.new("RGB", (4, 3), (1, 2, 3)), (1, 2, 3)),
    "RGBA": (Image.new("RGBA", (4, 3), (1, 2, 3, 4)), (1, 2, 3, 4)),
    "RGBa": (Image.new("RGBA", (4, 3), (10, 20, 30, 255)).convert("RGBa"), (10, 20, 30, 255)),
    "RGBX": (Image.new("RGBX", (4, 3), (1, 2, 3, 0)), (1, 2, 3)),
    "P": (Image.new("RGB", (4, 3), (255, 0, 0)).quantize(2), (255, 0, 0)),
    "PA": (Image.new("RGB", (4, 3), (255, 0, 0)).quantize(2).convert("PA"), (255, 0, 0, 255)),
    "CMYK": (Image.new("CMYK", (4, 3), (0, 255, 0, 0)), (255, 0, 255)),
    "YCbCr": (Image.new("RGB", (4, 3), (128, 128, 128)).convert("YCbCr"), (128, 128, 128)),
    "HSV": (Image.new("HSV", (4, 3), (0, 255, 255)), (255, 0, 0)),
    "LAB": (Image.new("LAB", (4, 3), (255, 128, 128)), (255, 255, 255)),
}


@pytest.mark.parametrize(("image", "expected"), MODES.values(), ids=MODES)
def test_each_mode_becomes_srgb_levels(image: Image.Image, expected: tuple[int, ...]) -> None:
    result = levels(image)
    assert result.dtype == np.uint8
    assert result.shape == (3, 4, len(expected))
    assert np.abs(result.astype(int) - expected).max() <= 1


DEEP = {
    "I;16": (Image.fromarray(np.full((3, 4), 65535 // 3, np.uint16)), 1 / 3),
    "I": (Image.fromarray(np.full((3, 4), 70_000, np.int32)), 1.0),
    "F": (Image.fromarray(np.full((3, 4), 51.0, np.float32)), 0.2),
}


@pytest.mark.parametrize(("image", "expected"), DEEP.values(), ids=DEEP)
def test_deep_modes_become_floats(image: Image.Image, expected: float) -> None:
    result = levels(image)
    assert result.dtype == np.float32
    assert np.allclose(result, expected, atol=1e-7)


def test_a_linear_profile_is_converted(save) -> None:
    data = save(SQUARE, "PNG", icc_profile=with_gamma(1.0))
    result = decode(data, read_header(data, Limits())).pixels[0, 0].numpy()
    encoded = [255 * (1.055 * (value / 255) ** (1 / 2.4) - 0.055) for value in (200, 100, 50)]
    assert np.abs(result - encoded).max() <= 1.5


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_profiles_of_each_format_are_applied(kind, save) -> None:
    parameters = {"quality": 100} if kind != "PNG" else {}
    data = save(SQUARE, kind, icc_profile=RED_IS_GREEN, **parameters)
    red, green, _ = decode(data, read_header(data, Limits())).pixels[128, 128].tolist()
    assert green > red


def test_alpha_passes_a_profile_untouched() -> None:
    image = SQUARE.copy()
    image.putalpha(Image.radial_gradient("L"))
    image.info["icc_profile"] = RED_IS_GREEN
    result = levels(image)
    assert result[0, 0, 1] > result[0, 0, 0]
    assert np.array_equal(result[..., 3], np.asarray(Image.radial_gradient("L")))


@pytest.mark.parametrize(("mode", "transparent"), [("L", 77), ("RGB", (1, 2, 3))])
def test_a_transparent_colour_survives_a_profile(mode, transparent, save) -> None:
    image = Image.new(mode, (256, 256), transparent)
    image.paste(0, (0, 0, 100, 100))
    profile = with_gamma(1.0) if mode == "RGB" else icc(CURVES["gamma"], space=b"GRAY")
    data = save(image, "PNG", transparency=transparent, icc_profile=profile)
    alpha = decode(data, read_header(data, Limits())).pixels[..., -1]
    assert alpha[:100, :100].eq(255).all()
    assert alpha[100:].eq(0).all()


def test_srgb_s_own_profile_changes_nothing(photo, caplog) -> None:
    image = photo.copy()
    image.info["icc_profile"] = SRGB
    assert foreign_transform(image, "image 1") is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("image", "icc", "reason"),
    [
        (SQUARE, b"no profile at all", "cannot be read"),
        (SQUARE, SRGB[:200], "cannot be read"),
        (SQUARE.convert("L"), with_gamma(2.0), "for RGB, not L"),
        (SQUARE.convert("CMYK"), with_gamma(2.0), "for RGB, not CMYK"),
    ],
)
def test_a_profile_that_does_not_fit_counts_as_srgb_and_is_logged(image, icc, reason, caplog) -> None:
    tagged = image.copy()
    tagged.info["icc_profile"] = icc
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(levels(tagged), levels(image))
    assert reason in caplog.text
    assert "image 1" in caplog.text


@pytest.mark.parametrize("ink", [(0, 0, 0, 0), (0, 255, 255, 0), (255, 0, 0, 100), (0, 0, 0, 255)])
def test_cmyk_jpeg_is_not_inverted(ink, save) -> None:
    data = save(Image.new("CMYK", (256, 256), ink), "JPEG", quality=100)
    result = decode(data, read_header(data, Limits())).pixels[128, 128].numpy()
    cyan, magenta, yellow, black = (value / 255 for value in ink)
    expected = [255 * (1 - colour) * (1 - black) for colour in (cyan, magenta, yellow)]
    assert np.abs(result - expected).max() <= 3
