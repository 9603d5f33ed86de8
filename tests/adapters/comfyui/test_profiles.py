"""The profiles against the settings of the official templates and model cards, typed in by hand."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.families import FAMILIES
from multiedit.pipelines.adapters.comfyui.profiles import registry as module
from multiedit.pipelines.adapters.comfyui.profiles.part_files import Shelf
from multiedit.pipelines.adapters.comfyui.profiles.profile import PART_FOLDERS, Profile, SpeedOption
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles, profiles_from
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.planning.size import resolve_size
from multiedit.tests.support.family_tables import GATED, SETTINGS

# What the templates and model cards call their files, and some that people make of them.
NAMES = {
    "qwen_image_edit_2511_bf16.safetensors": "qwen-edit-2511-full",
    "qwen_image_edit_2511_fp8mixed.safetensors": "qwen-edit-2511-full",
    "Qwen-Image-Edit-2511-FP8_e4m3fn.safetensors": "qwen-edit-2511-full",
    "qwen_image_edit_2511_int8_convrot.safetensors": "qwen-edit-2511-full",
    "qwen_image_edit_2511_fp8_e4m3fn_scaled_lightning_4steps_v1.0.safetensors": "qwen-edit-2511-merged-4",
    "Qwen-Image-Edit-2511-Lightning-bf16.safetensors": "qwen-edit-2511-merged-8",
    "QIE-2511-nvfp4.safetensors": "qwen-edit-2511-full",
    "qwen_image_edit_2509_fp8_e4m3fn.safetensors": "qwen-edit-2509-full",
    "qwen_image_edit_2509_int8_convrot.safetensors": "qwen-edit-2509-full",
    "qwen_image_edit_fp8_e4m3fn.safetensors": "qwen-edit-first",
    "qwen_image_2512_fp8_e4m3fn.safetensors": None,
    "qwen_image_layered_bf16.safetensors": None,
    "FireRed-Image-Edit-1.1-transformer.safetensors": "firered-1.1-full",
    "FireRed-Image-Edit-1.1-fp8-v1.0.safetensors": "firered-1.1-full",
    "FireRed-Image-Edit-1.0-transformer.safetensors": "firered-1.0-full",
    "flux-2-klein-4b.safetensors": "flux-2-klein-4b",
    "flux-2-klein-4b-fp8.safetensors": "flux-2-klein-4b",
    "flux-2-klein-base-4b-fp8.safetensors": "flux-2-klein-base-4b",
    "flux-2-klein-9b.safetensors": "flux-2-klein-9b",
    "flux-2-klein-9b-fp8.safetensors": "flux-2-klein-9b",
    "flux-2-klein-9b-kv-fp8.safetensors": "flux-2-klein-9b-kv",
    "flux-2-klein-base-9b-fp8.safetensors": "flux-2-klein-base-9b",
    "flux2_dev_fp8mixed.safetensors": "flux-2-dev-full",
    "flux1-dev-fp8.safetensors": None,
    "mage_flow_edit_bf16.safetensors": "mage-flow-edit",
    "mage_flow_edit_turbo_int8_convrot.safetensors": "mage-flow-edit-turbo",
    "mage_flow_turbo_int8_convrot.safetensors": None,
    "qwen_image_2.1_int8_convrot.safetensors": "qwen-image-2.1",
    "qwen_image_2.1_turbo_bf16.safetensors": "qwen-image-2.1-turbo",
    "flux3-image-klein-int8-convrot.safetensors": "flux-3-klein",
    "flux3-image-klein-base-bf16.safetensors": "flux-3-klein-base",
    "Qwen-Image-Edit-Q8.safetensors": "qwen-edit-first",
    "Qwen-Edit-2509-plain.safetensors": "qwen-edit-2509-full",
    "longcat_image_edit_bf16.safetensors": "longcat-edit",
    "longcat_image_bf16.safetensors": None,
    "longcat_image_edit_turbo_bf16.safetensors": None,
    "boogu_image_edit_int8_convrot.safetensors": "boogu-edit",
    "boogu_image_edit_turbo_fp8_scaled.safetensors": None,
    "flux1-dev-kontext_fp8_scaled.safetensors": "flux-kontext-dev",
    "flux1-fill-dev.safetensors": "flux-fill-dev",
    "flux.1-fill-dev-OneReward-transformer_fp8.safetensors": None,
}
EACH = pytest.mark.parametrize("profile", list(load_profiles()), ids=lambda profile: profile.id)


def test_the_settings_are_the_templates() -> None:
    told = {
        each.id: (
            each.model, each.steps, each.cfg, each.sampler, each.scheduler, each.shift, each.cfg_norm,
            each.guidance, each.reference_method, "lora" in each.parts,
        )
        for each in load_profiles()
    }  # fmt: skip
    assert told == SETTINGS
    assert list(told) == list(SETTINGS)
    assert len(load_profiles()) == len(SETTINGS)


@EACH
def test_a_profile_agrees_with_its_model(profile: Profile) -> None:
    model = load_catalog().get(profile.model)
    assert model.weights == "open"
    assert (profile.max_images, profile.licence) == (model.max_images, model.licence)
    assert profile.commercial == (profile.licence in {"Apache-2.0", "MIT"})
    assert model.grid % profile.grid == 0
    for ratio in model.fixed_ratios:
        for tier in model.tiers or (None,):
            size = resolve_size(model, ratio, tier)
            assert size.width * size.height <= profile.max_pixels, (ratio, tier)


@EACH
def test_a_profile_names_a_family_and_what_it_needs(profile: Profile) -> None:
    assert profile.family in FAMILIES
    if profile.family in GATED:
        assert (set(profile.nodes), profile.minimum_comfyui) == GATED[profile.family]
    assert profile.experimental == (profile.family in GATED)
    assert profile.reference_pixels == 1024 * 1024


@EACH
def test_every_file_has_an_address_and_is_known_by_its_own_name(profile: Profile) -> None:
    for role, part in profile.parts.items():
        for weights in part.files:
            (file,) = Shelf({part.folder: [weights.name]}).find(role, part).files
            assert (file.gigabytes, part.published_like(weights.name)) == (weights.gigabytes, weights)
        sizes = [each.gigabytes for each in part.files]
        assert sizes == sorted(sizes, reverse=True)
        assert all(each.url.startswith("https://huggingface.co/") for each in part.files)
        assert all(each.url.endswith(".safetensors") for each in part.files)


@pytest.mark.parametrize(("name", "profile"), NAMES.items())
def test_a_name_tells_one_checkpoint_from_another(name: str, profile: str | None) -> None:
    fitting = {
        each.id
        for each in load_profiles()
        if "lora" not in each.parts and "diffusion_model" in each.parts
        if Shelf({"diffusion_models": [name]}).find("diffusion_model", each.parts["diffusion_model"]).files
    }
    assert fitting == ({profile} if profile else set())


def test_only_the_model_trained_for_it_caches_keys_and_values() -> None:
    assert [each.id for each in load_profiles() if each.kv_cache.on] == ["flux-2-klein-9b-kv"]
    assert not any(each.easy_cache.on for each in load_profiles())
    assert all(
        len(option.reason) > 20 for each in load_profiles() for option in (each.kv_cache, each.easy_cache)
    )


def test_the_turbo_of_qwen_image_has_its_own_sigmas() -> None:
    turbo = load_profiles().get("qwen-image-2.1-turbo")
    assert len(turbo.sigmas) == turbo.steps + 1
    assert list(turbo.sigmas) == sorted(turbo.sigmas, reverse=True)
    assert (turbo.sigmas[0], turbo.sigmas[-1]) == (1.0, 0.0)
    assert [each.id for each in load_profiles() if each.sigmas] == [turbo.id]


def test_a_models_profiles_come_in_their_order() -> None:
    assert [each.id for each in load_profiles().of_model("qwen-edit")] == [
        "qwen-edit-2511-lightning-4", "qwen-edit-2511-merged-4", "qwen-edit-2511-lightning-8",
        "qwen-edit-2511-merged-8", "qwen-edit-2511-full",
    ]  # fmt: skip
    assert load_profiles().of_model("nano-banana-2-edit") == ()


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("qwen-edit-2511", "qwen-edit-2511-full"), ("klein-9b-kv", "9b-kv"), ("x" * 10**6, "Unknown profile")],
)
def test_an_unknown_profile_names_the_nearest(asked: str, nearest: str) -> None:
    with pytest.raises(InvalidRequest, match=nearest) as caught:
        load_profiles().get(asked)
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"parts": {}}, "whole model"),
        ({"steps": 0}, "no steps"),
        ({"sigmas": (1.0, 0.0)}, "sigmas"),
        ({"native_pixels": 10**9}, "native area"),
        ({"cfg": 4.0, "kv_cache": SpeedOption(True, "")}, "share a key-value cache"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(changes: dict[str, Any], problem: str) -> None:
    profile = load_profiles().get("qwen-edit-2511-lightning-4")
    with pytest.raises(ValueError, match=problem):
        dataclasses.replace(profile, **changes)


@pytest.mark.parametrize(
    ("changes", "problem"), [({"folder": "vae"}, "another folder"), ({"files": ()}, "no files")]
)
def test_a_part_that_contradicts_itself_is_refused(changes: dict[str, Any], problem: str) -> None:
    profile = load_profiles().get("qwen-edit-2511-lightning-4")
    lora = dataclasses.replace(profile.parts["lora"], **changes)
    with pytest.raises(ValueError, match=problem):
        dataclasses.replace(profile, parts={**profile.parts, "lora": lora})


def _rename_part(tables: dict[str, Any]) -> None:
    tables["parts"]["vae-x"] = tables["parts"].pop("qwen-vae")


def _repeat(tables: dict[str, Any]) -> None:
    tables["profiles"].append(tables["profiles"][2])


def _chain(tables: dict[str, Any]) -> None:
    tables["profiles"][1]["like"] = tables["profiles"][0]["id"]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [(_rename_part, "no part is called qwen-vae"), (_repeat, "twice"), (_chain, "not written out in full")],
)
def test_tables_that_contradict_themselves_are_refused(
    spoil: Callable[[dict[str, Any]], None], problem: str
) -> None:
    tables = json.loads(Path(module.__file__).with_name("profiles.json").read_text("utf-8"))
    spoil(tables)
    with pytest.raises(ValueError, match=problem):
        profiles_from(tables)


def test_the_folders_are_comfyuis() -> None:
    folders = {part.folder for profile in load_profiles() for part in profile.parts.values()}
    assert folders == set(PART_FOLDERS.values())
