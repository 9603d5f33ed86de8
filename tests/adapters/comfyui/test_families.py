"""What the files of the families know beside their graphs, against ComfyUI's nodes and the model cards."""

from __future__ import annotations

import math
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.families import FAMILIES, flux3, qwen_image_21
from multiedit.pipelines.adapters.comfyui.families.family import with_tags
from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions
from multiedit.pipelines.adapters.comfyui.layers_graph import FAMILY as LAYERS
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles, load_profiles
from multiedit.tests.support.edit_graphs import LARGE, PHOTOGRAPH, PORTRAIT, THREE, Case, graph
from multiedit.tests.support.family_tables import GATED, KINDS, TRIED


def test_every_family_has_a_profile() -> None:
    assert {profile.family for profile in load_profiles()} == set(FAMILIES)


def test_every_family_is_tried_end_to_end_with_everything_that_it_can_be() -> None:
    """The table says why a kind is not tried; what it says holds."""
    assert set(TRIED) == {*FAMILIES, LAYERS}
    for family, row in TRIED.items():
        profile = load_all_profiles().of_model(row.model)[0]
        assert (profile.family, set(row.not_tried) - set(KINDS)) == (family, set())
        assert ("one image" in row.not_tried) is (family in GATED)
        for count, kind in enumerate(KINDS[:3], start=1):
            assert (kind in row.not_tried) is (family in GATED or count > profile.max_images), family
        for kind in ("mask", "extend"):
            assert (kind in row.not_tried) is (family in {*GATED, LAYERS})
        for kind in ("LoRA", "two seeds", "parts"):
            assert (kind in row.not_tried) is (family in GATED)


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


@pytest.mark.parametrize(
    ("prompt", "flux", "qwen"),
    [
        (
            "the hat of image 2 on image 1",
            "the hat of <ref_image_1> on <ref_image_0>",
            "the hat of <image2> on <image1>",
        ),
        ("Picture 3, image_1", "<ref_image_2>, <ref_image_0>", "<image3>, <image1>"),
        *(
            (same, same, same)
            for same in ("image 4 of imagery", "<ref_image_1> on <image1>", "2 images, image 12")
        ),
    ],
)
def test_images_are_named_as_the_model_knows_them(prompt: str, flux: str, qwen: str) -> None:
    assert with_tags(prompt, 3, flux3.tag) == flux
    assert with_tags(prompt, 3, qwen_image_21.tag) == qwen


def test_a_prompt_upsampler_sees_the_images_and_writes_what_is_encoded() -> None:
    several, one = Case(THREE.sizes, upsampler=True), Case((PHOTOGRAPH,), upsampler=True)
    assert _inputs("flux-3-klein", several, "prompt")["text"] == ["edit.upsampler", 0]
    made = _inputs("flux-3-klein", several, "upsampler")
    assert (made["clip"], made["prompt"]) == (["upsampler", 0], "a hat")
    assert made["image"] == ["edit.upsampler_images", 0]
    batch = _inputs("flux-3-klein", several, "upsampler_images")
    assert list(batch.values()) == [[f"edit.image_{number}", 0] for number in (1, 2, 3)]
    assert _inputs("flux-3-klein", one, "upsampler")["image"] == ["edit.image_1", 0]
    assert not _inputs("flux-3-klein", THREE, "upsampler")


def test_only_flux_3_takes_a_prompt_upsampler() -> None:
    assert {name for name, family in FAMILIES.items() if family.upsamples} == {"flux3"}


def _inputs(profile: str, case: Case, name: str) -> dict[str, Any]:
    """The inputs of a node of a profile's graph; none where there is no such node."""
    nodes = graph(load_profiles().get(profile), case)["nodes"]
    return dict(nodes[f"edit.{name}"]["inputs"]) if f"edit.{name}" in nodes else {}


def test_several_images_have_tags_in_qwen_image_and_one_has_none() -> None:
    asked = {"prompt": "image 1 in blue"}
    several, one = Case(THREE.sizes, settings=asked), Case((PHOTOGRAPH,), settings=asked)
    assert _inputs("qwen-image-2.1", several, "prompt")["prompt"] == "<image1> in blue"
    assert _inputs("qwen-image-2.1", one, "prompt")["prompt"] == "image 1 in blue"


@pytest.mark.parametrize("settings", [{}, {"resolution": "2K"}, {"aspect_ratio": "1:1"}])
def test_qwen_image_sees_its_base_at_the_size_that_is_sampled(settings: dict[str, str]) -> None:
    case = Case((LARGE, PORTRAIT), settings=settings)
    latent = _inputs("qwen-image-2.1", case, "latent")
    base = _inputs("qwen-image-2.1", case, "image_1")
    assert base["fit"]["size"] == [latent["width"], latent["height"]]
    assert base["alpha"] is True
    assert _inputs("flux-3-klein", case, "image_1")["alpha"] is False


@pytest.mark.parametrize("images", [1, 2])
def test_klein_kv_without_its_cache_has_the_method_it_was_trained_with(images: int) -> None:
    sizes = [PHOTOGRAPH] * images
    cached = Case(sizes)
    plain = Case(sizes, options=GenerationOptions(kv_cache="off", retry_smaller=False))
    assert _inputs("flux-2-klein-9b-kv", cached, "kv_cache") == {"model": ["edit.model", 1]}
    assert not _inputs("flux-2-klein-9b-kv", cached, "prompt_method")
    assert not _inputs("flux-2-klein-9b-kv", plain, "kv_cache")
    method = _inputs("flux-2-klein-9b-kv", plain, "prompt_method")
    assert method["reference_latents_method"] == "index_timestep_zero"
