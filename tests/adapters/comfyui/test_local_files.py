"""Which files of models there are, in a folder of ComfyUI's layout and in those that its owner added."""

from __future__ import annotations

from pathlib import Path

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.extra_folders import (
    ExtraFolder,
    extra_paths_file,
    read_extra_folders,
)
from multiedit.pipelines.adapters.comfyui.profiles.local_files import local_shelf
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_all_profiles
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.tests.support.fake_weights import write_weights


def _vae_files(models: Path, extra: list[ExtraFolder] | None = None) -> list[str]:
    return list(local_shelf(models, load_all_profiles(), extra or []).folders["vae"])


def test_links_to_folders_are_followed_even_in_a_circle(tmp_path: Path) -> None:
    models, disk = tmp_path / "models", tmp_path / "disk"
    write_weights(disk / "flux2-vae.safetensors", "flux 2 vae")
    (models / "vae").mkdir(parents=True)
    (models / "vae" / "big").symlink_to(disk, target_is_directory=True)
    (disk / "back").symlink_to(models / "vae", target_is_directory=True)
    assert _vae_files(models) == ["big/flux2-vae.safetensors"]


@pytest.mark.parametrize(("first", "taken"), [(True, "flux 2 vae"), (False, "qwen 3 4B")])
def test_of_two_files_with_one_name_the_first_counts(tmp_path: Path, first: bool, taken: str) -> None:
    write_weights(tmp_path / "models" / "vae" / "a.safetensors", "qwen 3 4B")
    write_weights(tmp_path / "more" / "a.safetensors", "flux 2 vae")
    write_weights(tmp_path / "more" / "b.safetensors", "flux 2 vae")
    shelf = local_shelf(
        tmp_path / "models", load_all_profiles(), [ExtraFolder("vae", tmp_path / "more", first)]
    )
    assert sorted(shelf.folders["vae"]) == ["a.safetensors", "b.safetensors"]
    part = next(each.parts["vae"] for each in load_all_profiles() if each.model == "flux-2-klein-4b-edit")
    fits = shelf.inspect("vae", "a.safetensors").verdicts[part].problem is None  # type: ignore[union-attr]
    assert fits is (taken == "flux 2 vae")


def test_the_folders_of_comfyuis_file_are_read_as_comfyui_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = tmp_path / "disk"
    monkeypatch.setenv("DISK", str(disk))
    file = tmp_path / "extra_model_paths.yaml"
    file.write_text(
        f"one:\n  base_path: $DISK/ui\n  is_default: true\n  unet: old\n  clip: |\n    a/\n    {disk}\n"
        "two:\nthree:\n  vae: near\n"
    )
    assert read_extra_folders(file) == [
        ExtraFolder("diffusion_models", disk / "ui" / "old", True),
        ExtraFolder("text_encoders", disk / "ui" / "a", True),
        ExtraFolder("text_encoders", disk, True),
        ExtraFolder("vae", tmp_path / "near", False),
    ]


@pytest.mark.parametrize("text", ["- a", "a: b", "a: [", "a: {vae: 3}", "a: {base_path: 3}"])
def test_a_file_that_comfyui_would_not_take_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "extra_model_paths.yaml"
    file.write_text(text)
    with pytest.raises(InvalidRequest, match="is not what ComfyUI takes"):
        read_extra_folders(file)


def test_the_file_counts_beside_comfyuis_main_only(tmp_path: Path) -> None:
    (tmp_path / "extra_model_paths.yaml").write_text("")
    assert extra_paths_file(tmp_path / "models") is None
    (tmp_path / "main.py").write_text("")
    file = extra_paths_file(tmp_path / "models")
    assert file is not None
    assert read_extra_folders(file) == []
