from __future__ import annotations

import numpy as np
import pytest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import decode, image_from
from multiedit.pipelines.images.header import read_header

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6
CHANNELS = {GREY: 1, RGB: 3, GREY_ALPHA: 2, RGBA: 4}


def values(channels: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 65_536, (256, 300, channels), np.uint16)


def rows(stored: np.ndarray) -> np.ndarray:
    return stored.astype(">u2").reshape(len(stored), -1).view(np.uint8)


@pytest.mark.parametrize("colour_type", CHANNELS)
def test_all_16_bits_come_through(colour_type, png_file) -> None:
    stored = values(CHANNELS[colour_type])
    data = png_file((300, 256), 16, colour_type, rows(stored))
    pixels = decode(data, read_header(data, Limits())).pixels
    assert np.allclose(pixels.numpy() * 65535, stored, atol=0.01)


@pytest.mark.parametrize("colour_type", [GREY, RGB])
def test_a_transparent_colour_of_16_bits(colour_type, png_file) -> None:
    stored = values(CHANNELS[colour_type])
    chosen = stored[100, 50]
    stored[7, 7] = chosen
    stored[8, 8] = chosen ^ 1  # differs in the low byte only
    data = png_file((300, 256), 16, colour_type, rows(stored), (b"tRNS", chosen.astype(">u2").tobytes()))
    alpha = decode(data, read_header(data, Limits())).pixels[..., -1]
    assert alpha[100, 50] == alpha[7, 7] == 0
    assert alpha[8, 8] == 1
    assert int((alpha == 0).sum()) == int((stored == chosen).all(axis=2).sum())


def test_resized_in_float(png_file) -> None:
    stored = np.full((256, 300, 3), 12_345, np.uint16)
    data = png_file((300, 256), 16, RGB, rows(stored))
    image = image_from(decode(data, read_header(data, Limits())), (150, 128))
    assert np.allclose(image.numpy() * 65535, 12_345, atol=0.1)
