"""The profile of a model that is loaded already, by its class, tensors, text encoder and VAE."""

from __future__ import annotations

from dataclasses import replace

import pytest
from multiedit.pipelines.adapters.comfyui.families import MODEL_CLASSES
from multiedit.pipelines.adapters.comfyui.profiles.given_parts import GivenParts, select_for_parts
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.adapters.comfyui.profiles.weights_header import Tensor
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.tests.support.fake_weights import ARCHITECTURES

QWEN, MAGE, FLUX = (16, 3), (128, 2), (16, 2)
QWEN_TOKENIZER = "QwenImageTokenizer"


def given(
    kind: str, architecture: str, tokenizer: str, latent: tuple[int, int] = MAGE, channels: int = 3
) -> GivenParts:
    tensors = {name: Tensor("", shape, 0) for name, shape in ARCHITECTURES[architecture].items()}
    return GivenParts([kind, "BaseModel", "Module", "object"], tensors, tokenizer, latent, latent, channels)


PARTS = {
    "2511": given("QwenImage", "qwen 2511", QWEN_TOKENIZER, QWEN),
    "2509": given("QwenImage", "qwen", QWEN_TOKENIZER, QWEN),
    "klein 4B": given("Flux2", "klein 4B", "KleinTokenizer"),
    "klein 9B": given("Flux2", "klein 9B", "KleinTokenizer8B"),
    "dev": given("Flux2", "dev", "Flux2Tokenizer"),
    "mage": given("MageFlow", "mage", "MageFlowTokenizer"),
    "kontext": given("Flux", "kontext", "FluxTokenizer", FLUX),
    "fill": given("Flux", "fill", "FluxTokenizer", FLUX),
    "depth": given("Flux", "depth", "FluxTokenizer", FLUX),
    "longcat": given("LongCatImage", "longcat", "LongCatImageTokenizer", FLUX),
    "boogu": given("Boogu", "boogu", "BooguTokenizer", FLUX),
    "layered": given("QwenImage", "qwen layered", QWEN_TOKENIZER, QWEN, 4),
}


def selected(parts: GivenParts, asked: str | None = None) -> ProfileSelection:
    return select_for_parts(parts, load_all_profiles(), MODEL_CLASSES, asked)


@pytest.mark.parametrize(
    ("parts", "profile"),
    [
        ("2511", "qwen-edit-2511-full"),
        ("2509", "qwen-edit-2509-full"),
        ("klein 4B", "flux-2-klein-4b"),
        ("klein 9B", "flux-2-klein-9b"),
        ("dev", "flux-2-dev-full"),
        ("mage", "mage-flow-edit-turbo"),
        ("kontext", "flux-kontext-dev"),
        ("fill", "flux-fill-dev"),
        ("longcat", "longcat-edit"),
        ("boogu", "boogu-edit"),
        ("layered", "qwen-layered"),
    ],
)
@pytest.mark.parametrize("prefix", ["", "_orig_mod."], ids=["plain", "compiled"])
def test_auto_goes_by_the_architecture(parts: str, profile: str, prefix: str) -> None:
    own = PARTS[parts]
    tensors = {prefix + name: tensor for name, tensor in own.tensors.items()}
    selection = selected(replace(own, tensors=tensors))
    assert selection.profile.id == profile
    assert selection.files == {}
    assert any("Choose the profile" in note for note in selection.notes)
    assert selection.profile.commercial or any("limits commercial use" in note for note in selection.notes)


@pytest.mark.parametrize(
    ("parts", "others"),
    [
        ("2509", "It may as well be FireRed-Image-Edit 1.1 or FireRed-Image-Edit 1.0 or Qwen-Image-Edit"),
        ("2511", None),
        ("kontext", None),
        ("fill", None),
    ],
)
def test_a_note_names_other_models_of_the_same_tensors(parts: str, others: str | None) -> None:
    said = [note for note in selected(PARTS[parts]).notes if note.startswith("It may as well be")]
    assert bool(said) is bool(others)
    assert not others or said[0].startswith(others)
    assert not any("It may" in note for note in selected(PARTS["2509"], "qwen-edit-2509-full").notes)


def test_a_quantised_model_whose_tensors_have_other_names_is_known_by_its_class_and_encoder() -> None:
    packed = {"transformer_blocks.0.attn.to_qkv.qweight": Tensor("", (3072, 1536), 0)}
    kinds = ["NunchakuQwenImage", "QwenImage", "BaseModel"]
    parts = replace(PARTS["2509"], model_classes=kinds, tensors=packed)
    assert selected(parts).profile.family == "qwen-edit"
    eight = replace(PARTS["klein 9B"], tensors=packed)
    assert selected(eight).profile.id == "flux-2-klein-9b"


@pytest.mark.parametrize(
    ("parts", "asked"),
    [
        ("2511", "qwen-edit-2511-lightning-4"),
        ("2511", "firered-1.1-full"),
        ("2509", "qwen-rapid-aio"),
        ("2509", "qwen-edit-first"),
        ("2509", "qwen-edit-first-lightning-4"),
        ("klein 4B", "flux-2-klein-base-4b"),
    ],
)
def test_any_profile_of_the_family_can_be_asked_for(parts: str, asked: str) -> None:
    selection = selected(PARTS[parts], asked)
    assert selection.profile.id == asked
    assert f"Profile {asked} is used: it was requested." in selection.notes
    assert not any("Choose the profile" in note for note in selection.notes)


def test_a_family_whose_class_is_not_known_is_taken_where_it_is_asked_for() -> None:
    parts = GivenParts(["QwenImage21"], {}, "QwenImage21Tokenizer", (64, 2), (64, 2), 4)
    assert selected(parts, "qwen-image-2.1").profile.id == "qwen-image-2.1"


SDXL = given("SDXL", "unknown", "SDXLTokenizer")
BAD: list[tuple[GivenParts, str | None, str, str]] = [
    (given("SDXL", "unknown", "SDXLTokenizer"), None, "model", "model is a SDXL; Multi-Edit edits by Qwen"),
    (
        given("SDXL", "unknown", "SDXLTokenizer"),
        "flux-2-klein-4b",
        "profile",
        "the model is a SDXL. Set profile",
    ),
    (PARTS["2511"], "flux-2-klein-4b", "profile", "one of qwen-edit-2511-lightning-4, "),
    (PARTS["2511"], "no-such-profile", "", "no-such-profile"),
    (
        replace(PARTS["2511"], tokenizer="KleinTokenizer"),
        None,
        "clip",
        "of another family (KleinTokenizer); Qwen-Image-Edit 2511 needs a QwenImageTokenizer. Connect "
        "qwen_2.5_vl_7b.safetensors by CLIPLoader with the type qwen_image.",
    ),
    (replace(PARTS["klein 4B"], tokenizer="KleinTokenizer8B"), None, "clip", "qwen_3_4b.safetensors"),
    (replace(PARTS["dev"], tokenizer="KleinTokenizer8B"), None, "clip", "type flux2"),
    (
        replace(PARTS["fill"], tokenizer="SDXLTokenizer"),
        None,
        "clip",
        "Connect t5xxl_fp16.safetensors and clip_l.safetensors by DualCLIPLoader with the type flux.",
    ),
    (
        PARTS["fill"],
        "flux-kontext-dev",
        "model",
        "model is of another size: img_in.weight is 384 wide, not 64, so that it is not FLUX.1 Kontext dev.",
    ),
    (PARTS["kontext"], "flux-fill-dev", "model", "img_in.weight is 64 wide, not 384"),
    (PARTS["depth"], None, "model", "img_in.weight is 128 wide"),
    (
        replace(PARTS["2511"], vae_latent=(16, 2)),
        None,
        "vae",
        "16 channels in 2 dimensions, and Qwen-Image-Edit 2511 needs 16 in 3. Connect qwen_image_vae",
    ),
    (
        replace(PARTS["layered"], vae_channels=3),
        None,
        "vae",
        "vae is of another family: its images have 3 channels, and those of Qwen-Image-Layered have 4. "
        "Connect qwen_image_layered_vae.safetensors.",
    ),
    (replace(PARTS["2511"], vae_channels=4), None, "vae", "those of Qwen-Image-Edit 2511 have 3. Connect"),
]


@pytest.mark.parametrize(("parts", "asked", "field", "words"), BAD)
def test_parts_of_different_families_are_refused(
    parts: GivenParts, asked: str | None, field: str, words: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        selected(parts, asked)
    assert words in caught.value.message
    assert (caught.value.field or "") == field


def test_every_profile_that_can_be_known_says_its_text_encoder() -> None:
    for profile in load_all_profiles():
        known = bool(MODEL_CLASSES[profile.family])
        assert bool(profile.tokenizer) is known, profile.id
