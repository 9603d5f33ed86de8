"""Generated files of every kind, decoded by us and by a decoder that is not ours, within one level of 255.

libvips (pyvips) reads every format but BMP, which PyAV reads; where one is absent, its tests are skipped.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import decode, image_from
from multiedit.pipelines.images.header import read_header
from multiedit.tests.support.image_files import FILES, GeneratedFile

LIMITS = replace(Limits(), min_pixels=1, min_side=1)
TOLERANCE = 1.001 / 255


def ours(file: GeneratedFile) -> np.ndarray:
    """[H, W, 3 or 4], 0..1."""
    return image_from(decode(file.data, read_header(file.data, LIMITS)))[0].numpy()


def by_libvips(file: GeneratedFile) -> np.ndarray:
    """[H, W, 3 or 4], 0..1, upright, in sRGB."""
    vips = pytest.importorskip("pyvips", reason="pyvips is not installed")
    image = vips.Image.new_from_buffer(file.data, "").autorot()
    depth = 16 if image.format == "ushort" else 8
    if image.get_typeof("icc-profile-data"):
        image = image.icc_transform(
            "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=depth
        )
    values = image.numpy().astype(np.float32) / (65_535 if image.format == "ushort" else 255)
    values = values.reshape(image.height, image.width, -1)
    return values if values.shape[2] >= 3 else values[..., [0, 0, 0, *range(1, values.shape[2])]]


def by_pyav(file: GeneratedFile) -> np.ndarray:
    av = pytest.importorskip("av", reason="PyAV is not installed")
    with av.open(io.BytesIO(file.data)) as container:
        frame = next(container.decode(video=0))
    layout = "rgba" if frame.format.name == "bgra" else "rgb24"
    return frame.to_ndarray(format=layout).astype(np.float32) / 255


def check(file: GeneratedFile, reference: Callable[[GeneratedFile], np.ndarray]) -> None:
    mine, expected = ours(file), reference(file)
    if mine.shape[2] != expected.shape[2]:  # one of them drops an alpha that is 1 everywhere
        assert min(mine.shape[2], expected.shape[2]) == 3
        assert (mine if mine.shape[2] == 4 else expected)[..., 3].min() == 1
        mine, expected = mine[..., :3], expected[..., :3]
    assert mine.shape == expected.shape
    distance = np.abs(mine - expected)
    if mine.shape[2] == 4:
        assert distance[..., 3].max() <= TOLERANCE
        distance = distance[mine[..., 3] > 0]  # libraries differ in what colour a pixel has that nobody sees
    assert distance.max(initial=0) <= TOLERANCE


@pytest.mark.parametrize("kind", sorted(FILES.keys() - {"bmp"}))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_file_is_decoded_as_libvips_decodes_it(kind, data) -> None:
    check(data.draw(FILES[kind]), by_libvips)


@settings(max_examples=40, deadline=None)
@given(file=FILES["bmp"])
def test_a_bmp_is_decoded_as_pyav_decodes_it(file) -> None:
    check(file, by_pyav)
