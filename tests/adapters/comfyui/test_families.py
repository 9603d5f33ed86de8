"""What the files of the families know beside their graphs, against ComfyUI's nodes and the model cards."""

from __future__ import annotations

import math

import pytest
from multiedit.pipelines.adapters.comfyui.families import FAMILIES
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles


def test_every_family_has_a_profile() -> None:
    assert {profile.family for profile in load_profiles()} == set(FAMILIES)


@pytest.mark.parametrize(
    ("family", "size", "factor", "method"),
    [
        ("qwen-edit", (768, 768), 0.5, "area"),
        ("qwen-edit", (192, 192), 2.0, "area"),  # to 384x384 pixels, also from fewer
        ("mage-flow", (768, 100), 0.5, "bicubic"),
        ("mage-flow", (100, 384), 1.0, "bicubic"),
        ("mage-flow", (96, 64), 1.0, "bicubic"),  # never larger
    ],
)
def test_the_text_encoder_sees_a_small_copy(
    family: str, size: tuple[int, int], factor: float, method: str
) -> None:
    scale = FAMILIES[family].vision_scale
    assert scale is not None
    assert scale(size) == (pytest.approx(factor), method)
    assert math.prod(size) * scale(size)[0] ** 2 <= 384 * 384 + 1


@pytest.mark.parametrize("family", ["flux2", "qwen-image-21", "flux3"])
def test_other_text_encoders_are_given_no_copy(family: str) -> None:
    assert FAMILIES[family].vision_scale is None
