"""Load Multi-Edit Model: what it refuses before a weight is read, in ComfyUI's executor."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from multiedit.tests.support.fake_weights import write_weights

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

MODEL = {"model": "qwen-edit", "model.profile": "auto"}
DIT = ["txt_norm.weight", "img_in.weight", "transformer_blocks.0.attn.norm_added_k.weight"]
KLEIN = ["double_stream_modulation_img.lin.weight", "single_stream_modulation.lin.weight", "img_in.weight"]
ENCODER = [
    "model.layers.0.self_attn.k_proj.bias",
    "visual.patch_embed.proj.weight",
    "visual.merger.ln_q.weight",
]
VAE = ["decoder.middle.0.residual.0.gamma", "decoder.head.0.gamma", "encoder.conv1.weight"]
FILES = {
    "diffusion_models/qwen_image_edit_2511_bf16.safetensors": DIT,
    "text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors": ENCODER,
    "vae/qwen_image_vae.safetensors": VAE,
}


def weights(names: Iterable[str], data: int = 2) -> bytes:
    """A safetensors file with one number for each name."""
    entries = {
        name: {"dtype": "BF16", "shape": [1], "data_offsets": [2 * n, 2 * n + 2]}
        for n, name in enumerate(names)
    }
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + bytes(data * len(entries))


@pytest.fixture
def models(comfyui: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Model folders of this test's own with what looks like the files of Qwen-Image-Edit 2511."""
    import folder_paths

    for name in ("checkpoints", "diffusion_models", "text_encoders", "vae", "loras"):
        (tmp_path / "models" / name).mkdir(parents=True)
        entry = ([str(tmp_path / "models" / name)], {".safetensors"})
        monkeypatch.setitem(folder_paths.folder_names_and_paths, name, entry)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for file, names in FILES.items():
        (tmp_path / "models" / file).write_bytes(weights(names))
    return tmp_path / "models"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def page(path: Path) -> None:
    path.write_bytes(b"<!DOCTYPE html><title>Sign in</title>" * 100)


def holding(names: list[str]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(weights(names)) and None


@pytest.mark.parametrize(
    ("file", "spoil", "words"),
    [
        ("diffusion_models/qwen_image_edit_2511_bf16", cut, "is cut off: it has .* of .* bytes"),
        ("diffusion_models/qwen_image_edit_2511_bf16", holding(KLEIN), "another architecture"),
        ("text_encoders/qwen_2.5_vl_7b_fp8_scaled", page, "not a safetensors file; a web page"),
        (
            "vae/qwen_image_vae",
            holding(["encoder.conv_in.weight", "bn.running_mean"]),
            "another architecture",
        ),
    ],
)
def test_a_wrong_file_is_named_before_anything_is_loaded(
    graph: Any, models: Path, file: str, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(models / f"{file}.safetensors")
    with pytest.raises(graph.Failed, match=words) as caught:
        graph.run("MultiEditLoadModel", **MODEL)
    name = Path(file).name
    assert f"{name}.safetensors, taken for the " in str(caught.value)
    assert "validation" in str(caught.value).lower()
    assert "https://huggingface.co/" in str(caught.value)
    assert str(models) not in str(caught.value)


def test_all_that_is_missing_is_one_error_before_anything_runs(graph: Any, models: Path) -> None:
    for file in list(FILES)[1:]:
        (models / file).unlink()
    with pytest.raises(graph.Failed) as caught:
        graph.run("MultiEditLoadModel", **MODEL)
    message = str(caught.value)
    assert "of its 3 files 2 are missing" in message
    for text in (
        "models/text_encoders: qwen_2.5_vl_7b.safetensors",
        "models/vae: qwen_image_vae.safetensors",
    ):
        assert text in message
    assert "Already there: diffusion_models/qwen_image_edit_2511_bf16.safetensors" in message
    assert "validation" in message.lower()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"model": "auto"}, "of its 3 files 1 are missing|FireRed"),
        ({"model": "flux-2-klein-4b-edit", "model.profile": "auto"}, "3 files 3 are missing"),
        ({"model": "qwen-edit", "model.profile": "qwen-edit-2511-lightning-4"}, "4steps"),
        ({"model": "qwen-edit", "model.profile": "flux-2-klein-4b"}, "not in"),
        ({"model": "flux-3-klein-edit", "model.profile": "auto"}, "needs ComfyUI 0.41.0 or newer"),
        ({"model": "nano-banana-2-edit", "model.profile": "auto"}, "not an option of this node"),
    ],
)
def test_what_cannot_run_says_why(graph: Any, models: Path, asked: dict[str, str], words: str) -> None:
    if asked["model"] == "auto":
        (models / "vae" / "qwen_image_vae.safetensors").unlink()
    with pytest.raises(graph.Failed, match=words):
        graph.run("MultiEditLoadModel", **asked)


def test_auto_takes_the_first_that_has_its_files(comfyui: Any, models: Path) -> None:
    from multiedit.nodes.model_folders import select_model

    assert select_model({"model": "auto"})[0] == "qwen-edit"
    transformer = models / "diffusion_models" / "FireRed-Image-Edit-1.1-transformer.safetensors"
    transformer.write_bytes(weights(DIT))
    assert select_model({"model": "auto"})[0] == "firered-image-edit"


def test_weights_that_were_replaced_are_other_weights(comfyui: Any, models: Path) -> None:
    from multiedit.nodes.load_model import MultiEditLoadModel

    first = MultiEditLoadModel.fingerprint_inputs(model={"model": "qwen-edit"})
    assert MultiEditLoadModel.fingerprint_inputs(model={"model": "qwen-edit"}) == first
    (models / "vae" / "qwen_image_vae.safetensors").write_bytes(weights([*VAE, "more"]))
    assert MultiEditLoadModel.fingerprint_inputs(model={"model": "qwen-edit"}) != first
    (models / "loras" / "own.safetensors").write_bytes(weights(["x"]))
    with_own = MultiEditLoadModel.fingerprint_inputs(model={"model": "qwen-edit"}, lora="own.safetensors")
    (models / "loras" / "own.safetensors").write_bytes(weights(["x", "y"]))
    asked = {"model": {"model": "qwen-edit"}, "lora": "own.safetensors"}
    assert MultiEditLoadModel.fingerprint_inputs(**asked) != with_own
    (models / "loras" / "Qwen-Image-Edit-2511-Lightning-4steps-V1.0-bf16.safetensors").write_bytes(
        weights(["transformer_blocks.0.attn.to_k.lora_down.weight"])
    )
    assert (
        MultiEditLoadModel.fingerprint_inputs(model={"model": "qwen-edit"})[1] == "qwen-edit-2511-lightning-4"
    )


@pytest.mark.parametrize("model_aliases", ["nano-banana-2-edit=qwen-edit"])
def test_an_alias_is_offered_and_said(
    comfyui: Any, models: Path, monkeypatch: pytest.MonkeyPatch, model_aliases: str
) -> None:
    from multiedit.nodes.model_folders import offered_models, select_model

    asked = {"model": "nano-banana-2-edit"}
    assert asked["model"] not in offered_models()
    monkeypatch.setenv("MULTIEDIT_MODEL_ALIASES", model_aliases)
    assert "qwen-edit-2511-full" in offered_models()[asked["model"]]
    model, choice = select_model(asked)
    assert (model, choice.profile.model) == ("nano-banana-2-edit", "qwen-edit")


def test_what_was_chosen_and_its_licence_are_shown(
    graph: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multiedit.nodes import model_loading

    parts = {name: name for name in ("model", "clip", "vae")}
    monkeypatch.setattr(model_loading, "load_model", lambda *asked: SimpleNamespace(**parts))
    for file, architecture in {
        "diffusion_models/flux-2-klein-9b-fp8": "klein 9B",
        "text_encoders/qwen_3_8b_fp8mixed": "qwen 3 8B",
        "vae/flux2-vae": "flux 2 vae",
    }.items():
        write_weights(models / f"{file}.safetensors", architecture)
    graph.run("MultiEditLoadModel", **{"model": "flux-2-klein-9b-edit", "model.profile": "auto"})
    (shown,) = graph.ui["node"]["text"]
    assert "Profile flux-2-klein-9b is used" in shown
    assert "FLUX Non-Commercial License" in shown


def test_a_whole_checkpoint_takes_no_weight_type(graph: Any, models: Path) -> None:
    file = models / "checkpoints" / "Qwen-Rapid-AIO-NSFW-v23.safetensors"
    file.write_bytes(weights([*DIT, *ENCODER, *VAE]))
    asked = {"model": "qwen-edit-uncensored", "model.profile": "auto", "weight_dtype": "fp8_e5m2"}
    with pytest.raises(graph.Failed, match="weight_dtype is fp8_e5m2, but Qwen-Rapid-AIO-NSFW-v23"):
        graph.run("MultiEditLoadModel", **asked)
