"""Files in ComfyUI's Python: the pixels that the shell has without kornia_rs, and those of Load Image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images import fast_path
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.tests.support.image_files import FILES
from PIL import Image

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

LIMITS = replace(Limits(), min_pixels=1, min_side=1)


@pytest.mark.parametrize("kind", ["jpeg", "png"])  # what kornia_rs decodes; the others have one decoder
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_kornia_and_pillow_give_the_same_pixels_bit_for_bit(kind: str, data: Any) -> None:
    pytest.importorskip("kornia_rs", reason="kornia_rs is not installed")
    file = data.draw(FILES[kind])
    size = data.draw(st.sampled_from([None, (7, 5)]))
    cut = 0 if kind == "png" else 2  # the end marker, which only a note misses
    content = file.data[:-cut] if cut and data.draw(st.booleans()) else file.data
    here = ImageFile(content, LIMITS, "image 1").image(size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_path, "kornia_io", lambda: None)
        assert torch.equal(here, ImageFile(content, LIMITS, "image 1").image(size))


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("name", ["image.bmp", "image.tiff"])
def test_bmp_and_tiff_come_as_load_image_has_them(graph: Any, folders: Path, name: str, mode: str) -> None:
    values = np.random.default_rng(4).integers(0, 256, (260, 270, 4), np.uint8)
    image = Image.fromarray(values)
    image = image.convert("RGB").quantize(16) if mode == "P" else image.convert(mode)
    image.save(folders / "input" / name)
    mine, mask, *_ = graph.run("MultiEditLoadLayers", image_1=name)
    theirs, their_mask = graph.run("LoadImage", image=name)
    torch.testing.assert_close(
        mine[..., :3], theirs, atol=1.5 / 255, rtol=0
    )  # PyAV's conversions are not exact
    if mode == "RGBA":
        torch.testing.assert_close(mask, their_mask, atol=1.5 / 255, rtol=0)
    else:
        assert mask.max() == their_mask.max() == 0
