"""Load Multi-Edit Model: what it refuses before a weight is read, in ComfyUI's executor."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from multiedit.pipelines.common.errors import ModelUnavailable
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
        ({"model": "nano-banana-2-edit", "model.profile": "auto"}, "must be an option of this node"),
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


FLUX_1 = {
    "text_encoders/t5xxl_fp16": "t5",
    "text_encoders/clip_l": "clip l",
    "vae/ae": "flux 1 vae",
}
MORE = {
    "flux-1-fill-dev": {"diffusion_models/flux1-fill-dev": "fill", **FLUX_1},
    "flux-1-kontext-dev-edit": {"diffusion_models/flux1-kontext-dev": "kontext"},
    "flux-2-klein-9b-edit": {
        "diffusion_models/flux-2-klein-9b": "klein 9B",
        "text_encoders/qwen_3_8b": "qwen 3 8B",
        "vae/flux2-vae": "flux 2 vae",
    },
    "flux-2-klein-4b-base-edit": {
        "diffusion_models/flux-2-klein-base-4b": "klein 4B",
        "text_encoders/qwen_3_4b": "qwen 3 4B",
    },
}


def test_auto_takes_no_model_of_limited_use_or_without_refusals_where_another_fits(
    comfyui: Any, models: Path
) -> None:
    from multiedit.nodes.model_folders import select_model

    for file in FILES:
        (models / file).unlink()
    aio = models / "checkpoints" / "Qwen-Rapid-AIO-NSFW-v23.safetensors"
    aio.write_bytes(weights([*DIT, *ENCODER, *VAE]))
    assert select_model({"model": "auto"})[0] == "qwen-edit-uncensored"
    for model, files in MORE.items():
        for file, architecture in files.items():
            write_weights(models / f"{file}.safetensors", architecture)
        assert select_model({"model": "auto"})[0] == model


def test_auto_takes_no_model_by_an_uncensored_file_where_another_fits(comfyui: Any, models: Path) -> None:
    from multiedit.nodes.model_folders import select_model

    write_weights(models / "diffusion_models" / "FireRed-Image-Edit-1.1-nsfw.safetensors", "qwen")
    assert select_model({"model": "auto"})[0] == "qwen-edit"
    (models / "diffusion_models" / "qwen_image_edit_2511_bf16.safetensors").unlink()
    assert select_model({"model": "auto"})[0] == "firered-image-edit"


def test_a_file_is_found_through_links_and_in_other_folders(
    comfyui: Any, models: Path, tmp_path: Path
) -> None:
    import folder_paths
    from multiedit.nodes.model_folders import select_model

    plain = models / "diffusion_models" / "qwen_image_edit_2511_bf16.safetensors"
    elsewhere = tmp_path / "disk" / "models"
    moved = write_weights(elsewhere / "qwen" / "weights.safetensors", "qwen 2511", "fp8 scaled")
    plain.unlink()
    plain.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ModelUnavailable, match=r"2511_bf16\.safetensors, taken for .* leads nowhere"):
        select_model({"model": "qwen-edit"})
    link = models / "diffusion_models" / "linked"
    link.symlink_to(elsewhere / "qwen", target_is_directory=True)
    _, selection = select_model({"model": "qwen-edit"})
    assert selection.files["diffusion_model"] == "linked/weights.safetensors"
    assert any("qwen_image_edit_2511_bf16.safetensors is passed over" in note for note in selection.notes)
    link.unlink()
    folder_paths.add_model_folder_path("diffusion_models", str(elsewhere))
    _, selection = select_model({"model": "qwen-edit"})
    assert selection.files["diffusion_model"] == "qwen/weights.safetensors"
    assert any("fp8 scaled)" in note for note in selection.notes)
    assert moved.exists()


@pytest.mark.parametrize(
    ("model", "widgets", "expected"),
    [
        ("qwen-edit", {"diffusion_model": "mine.safetensors"}, {"diffusion_model": "mine.safetensors"}),
        ("qwen-edit", {"vae": "qwen_image_vae.safetensors"}, {"vae": "qwen_image_vae.safetensors"}),
        ("qwen-edit", {"lora": "4steps.safetensors"}, {}),  # not a step LoRA by its name
        ("auto", {"diffusion_model": "qwen_image_edit_2511_bf16.safetensors"}, {}),
        (
            "qwen-edit-uncensored",
            {"diffusion_model": "Qwen-Rapid-AIO-NSFW-v23.safetensors"},
            {"checkpoint": "Qwen-Rapid-AIO-NSFW-v23.safetensors"},
        ),
        (
            "qwen-edit",
            {"diffusion_model": "gone.safetensors"},
            "gone.safetensors is not in models/diff",
        ),
        ("qwen-edit", {"diffusion_model": "flux.safetensors"}, "flux.safetensors, taken for the diffusion"),
        ("qwen-edit", {"lora": "gone.safetensors"}, "lora gone.safetensors is not in models/loras"),
        ("auto", {"diffusion_model": "mine.safetensors"}, "mine.safetensors does not tell which model it is"),
        (
            "qwen-edit-uncensored",
            {"vae": "qwen_image_vae.safetensors"},
            "vae.safetensors cannot be chosen",
        ),
    ],
)
def test_a_chosen_file_is_taken_or_refused(
    comfyui: Any, models: Path, model: str, widgets: dict[str, str], expected: Any
) -> None:
    from multiedit.nodes.load_model import MultiEditLoadModel
    from multiedit.nodes.model_folders import own_lora, select_model

    write_weights(models / "diffusion_models" / "mine.safetensors", "qwen")
    write_weights(models / "diffusion_models" / "flux.safetensors", "klein 4B")
    write_weights(models / "loras" / "4steps.safetensors", "qwen lora")
    aio = models / "checkpoints" / "Qwen-Rapid-AIO-NSFW-v23.safetensors"
    aio.write_bytes(weights([*DIT, *ENCODER, *VAE]))
    below = {} if model == "auto" else {"profile": None}  # as ComfyUI has it where it validates
    told = MultiEditLoadModel.validate_inputs({"model": model, **below}, **widgets)
    if isinstance(expected, str):
        assert re.search(expected, str(told))
        return
    assert told is True
    chosen, selection = select_model({"model": model}, widgets)
    assert chosen == ("qwen-edit" if model == "auto" else model)
    assert {role: selection.files[role] for role in expected} == expected
    assert own_lora(selection, widgets.get("lora", "auto")) == widgets.get("lora")


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
    monkeypatch.setattr(
        model_loading,
        "load_model",
        lambda model, selection, kind: SimpleNamespace(**parts, selection=selection),
    )
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
