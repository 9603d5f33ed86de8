"""Which profile and which files are taken, by folders, memory and ComfyUI's nodes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.adapters.comfyui.profiles.part_files import Folders
from multiedit.pipelines.adapters.comfyui.profiles.profile import PART_FOLDERS
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import (
    ProfileSelection,
    available_models,
    select_profile,
)
from multiedit.pipelines.common.errors import InvalidRequest, ModelFilesMissing, ModelUnavailable

GB = 10**9
BF16, FP8, INT8 = (
    f"qwen_image_edit_2511_{kind}.safetensors" for kind in ("bf16", "fp8mixed", "int8_convrot")
)
ENCODER, SMALL_ENCODER = "qwen_2.5_vl_7b.safetensors", "qwen_2.5_vl_7b_fp8_scaled.safetensors"
VAE = "qwen_image_vae.safetensors"
FOUR, EIGHT = (f"Qwen-Image-Edit-2511-Lightning-{steps}steps-V1.0-bf16.safetensors" for steps in (4, 8))
KLEIN: Folders = {
    "diffusion_models": ["flux-2-klein-9b-fp8.safetensors"],
    "text_encoders": ["qwen_3_8b_fp8mixed.safetensors"],
    "vae": ["flux2-vae.safetensors"],
}
QWEN_21: Folders = {
    "diffusion_models": ["qwen_image_2.1_turbo_int8_convrot.safetensors"],
    "text_encoders": ["qwen3vl_8b_int8_convrot.safetensors"],
    "vae": ["qwen_image_2.1_vae_bf16.safetensors"],
}


def _qwen(
    models: Sequence[str] = (BF16, FP8), loras: Sequence[str] = (), encoders: Sequence[str] = (SMALL_ENCODER,)
) -> Folders:
    return {"diffusion_models": models, "text_encoders": encoders, "vae": [VAE], "loras": loras}


@pytest.mark.parametrize(
    ("loras", "profile"),
    [
        ([FOUR, EIGHT], "qwen-edit-2511-lightning-4"),
        ([EIGHT], "qwen-edit-2511-lightning-8"),
        ([EIGHT.lower()], "qwen-edit-2511-lightning-8"),
        ([f"qwen/{FOUR}"], "qwen-edit-2511-lightning-4"),
        ([f"qwen\\fast\\{FOUR}"], "qwen-edit-2511-lightning-4"),
        (["Qwen-Image-Edit-2509-Lightning-4steps-V1.0-bf16.safetensors"], "qwen-edit-2511-full"),
        ([], "qwen-edit-2511-full"),
    ],
)
def test_the_first_profile_whose_files_are_there_is_taken(loras: list[str], profile: str) -> None:
    choice = select_profile("qwen-edit", _qwen(loras=loras), 80 * GB)
    assert choice.profile.id == profile
    assert choice.files.get("lora") == (loras[0] if "lightning" in profile else None)
    assert choice.notes[0] == f"Profile {profile} is used: all of its files are there."


@pytest.mark.parametrize(
    ("models", "memory", "taken", "why"),
    [
        ((BF16, FP8, INT8), 80, BF16, "the most exact that fits, in 68.0 GB"),
        ((INT8, FP8, BF16), 48, FP8, "the most exact that fits"),  # 85 % of 48 GB is 40.8, the file has 40.9
        ((BF16, INT8), 24.2, INT8, "the most exact that fits"),
        ((BF16, FP8), 12, FP8, "the smallest that is there"),
        ((BF16,), 8, BF16, "the smallest that is there; ComfyUI moves it in turns through 6.8 GB"),
        ((FP8,), 80, FP8, "the only one there"),
        (("qwen/" + BF16, "qwen/" + FP8), 24.2, "qwen/" + FP8, "the most exact that fits"),
    ],
)
def test_a_file_is_as_exact_as_the_memory_allows(
    models: Sequence[str], memory: float, taken: str, why: str
) -> None:
    choice = select_profile("qwen-edit", _qwen(models, encoders=[SMALL_ENCODER, ENCODER]), int(memory * GB))
    assert choice.files["diffusion_model"] == taken
    assert any(note.startswith(f"The diffusion model is {taken} (") and why in note for note in choice.notes)


def test_every_part_is_chosen_by_the_same_rule() -> None:
    encoders = [SMALL_ENCODER, ENCODER]
    assert select_profile("qwen-edit", _qwen(encoders=encoders), 24 * GB).files["text_encoder"] == ENCODER
    assert (
        select_profile("qwen-edit", _qwen(encoders=encoders), 16 * GB).files["text_encoder"] == SMALL_ENCODER
    )


def test_the_notes_say_why_no_faster_profile_is_used() -> None:
    notes = select_profile("qwen-edit", _qwen(), 80 * GB).notes
    assert f"Profile qwen-edit-2511-lightning-4 is not used: its LoRA {FOUR} is not in loras." in notes
    assert f"Profile qwen-edit-2511-lightning-8 is not used: its LoRA {EIGHT} is not in loras." in notes
    assert (
        "The VAE is qwen_image_vae.safetensors (0.3 GB): the only one there, in 68.0 GB of memory." in notes
    )
    assert not any("commercial" in note for note in notes)


def test_a_licence_that_limits_commercial_use_is_said() -> None:
    (note,) = (
        note for note in select_profile("flux-2-klein-9b-edit", KLEIN, 24 * GB).notes if "commercial" in note
    )
    assert "FLUX Non-Commercial License" in note
    assert "https://huggingface.co/black-forest-labs/FLUX.2-klein-9B/blob/main/LICENSE.md" in note


def test_a_named_profile_is_used_or_refused() -> None:
    folders = _qwen(loras=[FOUR, EIGHT])
    choice = select_profile("qwen-edit", folders, 80 * GB, profile="qwen-edit-2511-full")
    assert choice.profile.id == "qwen-edit-2511-full"
    assert choice.notes[0] == "Profile qwen-edit-2511-full is used: it was requested."
    with pytest.raises(
        ModelFilesMissing, match=r"Lightning 8 steps cannot run: of its 4 files 1 are missing"
    ):
        select_profile("qwen-edit", _qwen(loras=[FOUR]), 80 * GB, profile="qwen-edit-2511-lightning-8")
    with pytest.raises(InvalidRequest, match="belongs to qwen-edit; profiles of firered-image-edit: "):
        select_profile("firered-image-edit", folders, 80 * GB, profile="qwen-edit-2511-full")
    with pytest.raises(InvalidRequest, match="Unknown profile 'qwen-edit-2511'"):
        select_profile("qwen-edit", folders, 80 * GB, profile="qwen-edit-2511")


def test_what_is_missing_is_said_in_one_error() -> None:
    with pytest.raises(ModelFilesMissing) as caught:
        select_profile("qwen-edit", {"vae": [VAE], "loras": [FOUR]}, 24 * GB)
    told = caught.value.message
    assert told.startswith(
        "Qwen-Image-Edit 2511 cannot run: of its 3 files 2 are missing. Download the diffusion"
    )
    for words in (
        f"the diffusion model into models/diffusion_models: {BF16} (40.9 GB, https://huggingface.co/Comfy-Org/",
        f"or {FP8} (20.5 GB, ",
        f"the text encoder into models/text_encoders: {ENCODER} (16.6 GB, ",
        f"/resolve/main/split_files/diffusion_models/{INT8})",
        f"Already there: vae/{VAE}.",
    ):
        assert words in told
    assert "Lightning" not in told
    assert told.count(f"/{ENCODER})") == 1
    assert (caught.value.status, caught.value.exit_code, caught.value.field) == (503, 5, "modelId")


@pytest.mark.parametrize(
    ("nodes", "able"),
    [
        (None, True),
        (["TextEncodeQwenImage21", "QwenImage21Cache", "KSampler"], True),
        (["TextEncodeQwenImage21"], False),
        ([], False),
    ],
)
def test_a_profile_waits_for_its_nodes(nodes: list[str] | None, able: bool) -> None:
    model = "qwen-image-2.1-turbo-edit"
    assert (model in available_models(QWEN_21, nodes)) == able
    if able:
        assert select_profile(model, QWEN_21, 24 * GB, nodes).profile.id == "qwen-image-2.1-turbo"
    else:
        with pytest.raises(
            ModelUnavailable,
            match=r"needs ComfyUI 0\.37\.0 or newer: .*"
            r"(node QwenImage21Cache is|nodes TextEncodeQwenImage21, QwenImage21Cache are) missing\. Update",
        ):
            select_profile(model, QWEN_21, 24 * GB, nodes)


def test_a_model_without_a_profile_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match=r"No profile for layer-composite\. .*qwen-edit, "):
        select_profile("layer-composite", {}, GB)
    with pytest.raises(
        ModelUnavailable, match=r"nano-banana-2-edit is closed: .* set MULTIEDIT_PROVIDER_URL"
    ):
        select_profile("nano-banana-2-edit", {}, GB)


def test_the_models_that_can_run_are_listed_with_their_profiles() -> None:
    assert available_models({}) == {}
    folders = {
        name: [*KLEIN.get(name, ()), *_qwen(loras=[EIGHT]).get(name, ())] for name in PART_FOLDERS.values()
    }
    assert available_models(folders) == {
        "qwen-edit": "qwen-edit-2511-lightning-8",
        "flux-2-klein-9b-edit": "flux-2-klein-9b",
    }


PUBLISHED = {
    folder: sorted(
        {
            weights.name
            for profile in load_profiles()
            for part in profile.parts.values()
            if part.folder == folder
            for weights in part.files
        }
    )
    for folder in PART_FOLDERS.values()
}
SOME_FILES = st.fixed_dictionaries(
    {
        folder: st.lists(st.sampled_from(names) | st.text(max_size=8), unique=True)
        for folder, names in PUBLISHED.items()
    }
)
MODELS = sorted({profile.model for profile in load_profiles()})


@given(folders=SOME_FILES, memory=st.integers(0, 200 * GB), model=st.sampled_from(MODELS))
def test_only_files_that_are_there_are_chosen(folders: Folders, memory: int, model: str) -> None:
    _check(model, folders, memory)


@given(memory=st.integers(0, 200 * GB), model=st.sampled_from(MODELS))
def test_with_every_file_there_the_first_profile_runs(memory: int, model: str) -> None:
    choice = _check(model, PUBLISHED, memory)
    assert choice
    assert choice.profile == load_profiles().of_model(model)[0]


def _check(model: str, folders: Folders, memory: int) -> ProfileSelection | None:
    able = available_models(folders)
    if model not in able:
        with pytest.raises(ModelFilesMissing):
            select_profile(model, folders, memory)
        return None
    choice = select_profile(model, folders, memory)
    assert choice.profile.id == able[model]
    assert set(choice.files) == set(choice.profile.parts)
    assert all(file in folders[PART_FOLDERS[part]] for part, file in choice.files.items())
    return choice
