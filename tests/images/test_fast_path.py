from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images import fast_path
from multiedit.pipelines.images.decode import decode
from multiedit.pipelines.images.header import read_header
from PIL import Image, ImageCms


@pytest.fixture
def calls(monkeypatch) -> list[str]:
    """Stands in for kornia_rs: says what it was asked for, and answers in one recognisable colour."""
    asked: list[str] = []

    class ImageDecoder:
        def decode(self, data: bytes) -> np.ndarray:
            asked.append("jpeg")
            return np.full((256, 320, 3), 77, np.uint8)

    def decode_image_png_u8(data: bytes, shape: tuple[int, int], mode: str) -> np.ndarray:
        asked.append(mode)
        return np.full((*shape, {"mono": 1, "rgb": 3, "rgba": 4}[mode]), 77, np.uint8)

    io = SimpleNamespace(ImageDecoder=ImageDecoder, decode_image_png_u8=decode_image_png_u8)
    install(monkeypatch, io)
    return asked


def install(monkeypatch, io: SimpleNamespace) -> None:
    monkeypatch.setitem(sys.modules, "kornia_rs", SimpleNamespace(io=io))
    fast_path.kornia_io.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_lookup():
    yield
    fast_path.kornia_io.cache_clear()


def read(data: bytes):
    return decode(data, read_header(data, Limits())).pixels


@pytest.mark.parametrize(
    ("mode", "kind", "asked"),
    [("RGB", "JPEG", "jpeg"), ("RGB", "PNG", "rgb"), ("L", "PNG", "mono"), ("RGBA", "PNG", "rgba")],
)
def test_plain_files_take_the_fast_path(mode, kind, asked, photo, save, calls) -> None:
    assert read(save(photo.convert(mode), kind)).eq(77).all()
    assert calls == [asked]


def test_srgb_s_own_profile_does_not_stand_in_the_way(photo, save, calls) -> None:
    read(save(photo, "JPEG", icc_profile=SRGB))
    assert calls == ["jpeg"]


def test_the_result_is_turned_upright(photo, save, calls) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert read(save(photo, "JPEG", exif=exif)).shape == (320, 256, 3)
    assert calls == ["jpeg"]


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RED_IS_GREEN = SRGB.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")


@pytest.mark.parametrize(
    ("mode", "kind", "parameters"),
    [
        ("L", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
        ("LA", "PNG", {}),
        ("I;16", "PNG", {}),
        ("RGB", "PNG", {"transparency": (1, 2, 3)}),
        ("L", "PNG", {"transparency": 3}),
        ("RGB", "WEBP", {}),
        ("RGB", "PNG", {"icc_profile": RED_IS_GREEN}),
        ("RGB", "JPEG", {"icc_profile": RED_IS_GREEN}),
    ],
)
def test_other_files_do_not(mode, kind, parameters, photo, save, calls) -> None:
    read(save(photo.convert(mode), kind, **parameters))
    assert calls == []


def test_a_reduced_decode_does_not(photo, save, calls) -> None:
    data = save(photo, "JPEG")
    assert decode(data, read_header(data, Limits()), at_least=(100, 100)).pixels.shape == (128, 160, 3)
    assert calls == []


def test_a_refusal_falls_back_to_pillow(photo, save, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise Exception("Something went wrong with the JPEG compressor")

    install(
        monkeypatch,
        SimpleNamespace(ImageDecoder=lambda: SimpleNamespace(decode=refuse), decode_image_png_u8=refuse),
    )
    assert np.array_equal(read(save(photo, "PNG")), np.asarray(photo))


def test_a_fault_of_another_kind_is_not_hidden(photo, save, monkeypatch) -> None:
    def break_down(*_: object) -> None:
        raise AssertionError("a bug")

    install(monkeypatch, SimpleNamespace(ImageDecoder=None, decode_image_png_u8=break_down))
    with pytest.raises(AssertionError, match="a bug"):
        read(save(photo, "PNG"))


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "L"), ("PNG", "RGB"), ("PNG", "RGBA")])
def test_kornia_agrees_with_pillow_bit_for_bit(mode, kind, photo, save, monkeypatch) -> None:
    pytest.importorskip("kornia_rs")
    data = save(photo.convert(mode), kind)
    fast = read(data)
    monkeypatch.setattr(fast_path, "kornia_io", lambda: None)
    assert np.array_equal(fast, read(data))
