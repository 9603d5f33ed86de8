"""What a user changes in a profile's sampling: values, graph, notes."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.families import SHIFTED
from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.sampling import Sampling, with_lora, with_sampling
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.tests.support.edit_graphs import PHOTOGRAPH, Case, graph


def changed(profile: str | Profile, **values: Any) -> ProfileSelection:
    own = load_profiles().get(profile) if isinstance(profile, str) else profile
    return with_sampling(ProfileSelection(own, {}, ()), Sampling(**values), own.family in SHIFTED)


def nodes(profile: Profile) -> dict[str, dict[str, Any]]:
    """The inputs of a graph's nodes by their names."""
    made = graph(profile, Case((PHOTOGRAPH,)))["nodes"]
    return {name.removeprefix("edit."): node for name, node in made.items()}


CHANGES: dict[str, Any] = {
    "steps": 7,
    "cfg": 2.75,
    "sampler": "heun",
    "scheduler": "karras",
    "denoise": 0.5,
    "negative_prompt": "blurry",
}


@pytest.mark.parametrize("profile", list(load_profiles()), ids=lambda profile: profile.id)
def test_every_change_is_in_the_graph_and_in_the_notes(profile: Profile) -> None:
    selection = changed(profile, **CHANGES)
    made = nodes(selection.profile)
    assert made["sampler"]["inputs"]["sampler_name"] == "heun"
    assert {"scheduler": "karras", "steps": 7, "denoise": 0.5}.items() <= made["sigmas"]["inputs"].items()
    assert any("blurry" in node["inputs"].values() for node in made.values())
    assert made["guider"]["inputs"]["cfg"] == 2.75
    assert made["latent"]["class_type"] == "MultiEditMaskedLatent"
    assert ("mask" in made["latent"]["inputs"]) is load_catalog().get(profile.model).needs_mask
    for name, value in CHANGES.items():
        assert any(str(value) in note for note in selection.notes), name
        assert getattr(selection.profile, name) == value


@pytest.mark.parametrize("profile", list(load_profiles()), ids=lambda profile: profile.id)
def test_what_changes_nothing_is_no_change(profile: Profile) -> None:
    same = {name: getattr(profile, name) for name in ("steps", "cfg", "sampler", "scheduler", "denoise")}
    assert changed(profile, **same) == ProfileSelection(profile, {}, ())


@pytest.mark.parametrize(
    ("profile", "values", "note"),
    [
        ("flux-2-klein-4b", {"steps": 6}, "steps is 6, in place of the profile's 4."),
        ("qwen-rapid-aio", {"shift": 3.0}, "shift is 3.0, in place of the checkpoint's own."),
        ("flux-2-klein-4b", {"negative_prompt": "fog"}, "The negative prompt has no effect: cfg is 1"),
        ("qwen-image-2.1-turbo", {"steps": 12}, "The profile's fixed sigmas are left out"),
    ],
)
def test_a_note_says_what_a_change_means(profile: str, values: dict[str, Any], note: str) -> None:
    assert any(each.startswith(note) for each in changed(profile, **values).notes)


def test_a_negative_prompt_with_guidance_has_an_effect() -> None:
    notes = changed("flux-2-klein-4b", negative_prompt="fog", cfg=3.0).notes
    assert not any("no effect" in note for note in notes)


def test_less_noise_takes_the_end_of_a_schedule_that_has_no_share_of_its_own() -> None:
    made = nodes(changed("flux-2-klein-4b", denoise=0.4).profile)
    assert made["sigmas"]["class_type"] == "Flux2Scheduler"
    assert made["sigmas"]["inputs"]["steps"] == 10
    assert made["last_sigmas"]["inputs"] == {"sigmas": ["edit.sigmas", 0], "denoise": 0.4}
    assert made["sample"]["inputs"]["sigmas"] == ["edit.last_sigmas", 1]
    fixed = nodes(changed("qwen-image-2.1-turbo", denoise=0.5).profile)
    assert fixed["sample"]["inputs"]["sigmas"] == ["edit.last_sigmas", 1]


def test_guidance_switches_a_key_value_cache_off() -> None:
    selection = changed("flux-2-klein-9b-kv", cfg=2.0)
    assert not selection.profile.kv_cache.on
    assert "kv_cache" not in nodes(selection.profile)


@pytest.mark.parametrize(
    "profile",
    [
        "flux-2-klein-4b",
        "mage-flow-edit",
        "flux-3-klein",
        "longcat-edit",
        "flux-kontext-dev",
        "flux-fill-dev",
    ],
)
def test_a_shift_is_refused_where_the_graph_sets_none(profile: str) -> None:
    with pytest.raises(InvalidRequest, match=r"shift is 3, but .* Set shift to -1") as caught:
        changed(profile, shift=3.0)
    assert caught.value.field == "shift"


def test_loras_are_added_in_order_and_one_of_no_strength_is_none() -> None:
    plain = ProfileSelection(load_profiles().get("flux-2-klein-4b"), {}, ())
    assert with_lora(plain, "a.safetensors", 0.0) == plain
    both = with_lora(with_lora(plain, "a.safetensors", 1.0), "b.safetensors", -0.5)
    assert [dataclasses.astuple(lora) for lora in both.loras] == [
        ("a.safetensors", 1.0),
        ("b.safetensors", -0.5),
    ]
    assert both.notes == (
        "LoRA a.safetensors is added at strength 1.",
        "LoRA b.safetensors is added at strength -0.5.",
    )
