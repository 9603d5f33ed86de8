"""Files of weights, written here: damaged ones, and one architecture's tensor names taken for another's."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.profiles.profile import ModelPart
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.weights_file import inspect_weights, invalid_file
from multiedit.pipelines.adapters.comfyui.profiles.weights_header import LARGEST_HEADER
from multiedit.pipelines.common.errors import InvalidModelFile, ModelUnavailable
from safetensors.torch import save_file

# Names as ComfyUI's own modules have them, a few of each architecture that are in every release.
QWEN = (
    "txt_norm.weight", "img_in.weight", "proj_out.weight", "transformer_blocks.0.attn.norm_added_k.weight",
    "transformer_blocks.0.attn.add_k_proj.weight", "time_text_embed.timestep_embedder.linear_1.weight",
)  # fmt: skip
QWEN_2511 = (*QWEN, "__index_timestep_zero__")
LAYERED = (*QWEN, "time_text_embed.addition_t_embedding.weight")
WAN = (
    "patch_embedding.weight",
    "text_embedding.0.weight",
    "blocks.0.self_attn.norm_k.weight",
    "head.head.weight",
)
FLUX1 = ("img_in.weight", "txt_in.weight", "vector_in.in_layer.weight", "guidance_in.in_layer.weight",
         "double_blocks.0.img_attn.norm.key_norm.scale", "double_blocks.0.img_mod.lin.weight")  # fmt: skip
KLEIN = ("img_in.weight", "txt_in.weight", "double_stream_modulation_img.lin.weight",
         "single_stream_modulation.lin.weight", "double_blocks.0.img_attn.norm.key_norm.scale")  # fmt: skip
KLEIN_9B = (*KLEIN, "double_blocks.5.img_attn.proj.weight")
DEV = (*KLEIN_9B, "guidance_in.in_layer.weight")
MAGE = (*QWEN, "transformer_blocks.11.attn.norm_added_k.weight")
QWEN_FULL = (*QWEN, "transformer_blocks.12.attn.norm_added_k.weight")
WAN_VAE = ("decoder.middle.0.residual.0.gamma", "decoder.head.0.gamma", "encoder.conv1.weight")
WAN_22_VAE = (*WAN_VAE, "decoder.upsamples.0.upsamples.0.residual.2.weight")
SD_VAE = ("encoder.conv_in.weight", "decoder.conv_in.weight", "post_quant_conv.weight")
FLUX1_VAE = ("encoder.conv_in.weight", "decoder.conv_in.weight")
FLUX2_VAE = (*FLUX1_VAE, "bn.running_mean", "bn.running_var")
MAGE_VAE = ("student.dconv_encoder.proj_out.weight", "pipeline.y_embedder.decoder.conv_in.weight")
LLM = (
    "model.embed_tokens.weight",
    "model.layers.0.self_attn.k_proj.bias",
    "model.layers.0.self_attn.q_proj.weight",
)
QWEN_VL = (*LLM, "visual.patch_embed.proj.weight", "visual.merger.ln_q.weight")
QWEN_3 = tuple(f"model.layers.{layer}.self_attn.q_norm.weight" for layer in (0, 27))
QWEN_3_VL = (
    *(f"model.language_model.layers.{layer}.self_attn.q_norm.weight" for layer in (0, 27)),
    "model.visual.deepstack_merger_list.0.norm.weight",
    "model.visual.patch_embed.proj.weight",
)
MISTRAL = (
    "tekken_model",
    "model.layers.0.self_attn.q_proj.weight",
    "model.layers.0.post_attention_layernorm.weight",
)
AIO = (
    *(f"model.diffusion_model.{name}" for name in QWEN),
    *(f"text_encoders.qwen25_7b.transformer.{name}" for name in QWEN_VL),
    *(f"vae.{name}" for name in WAN_VAE),
)
QWEN_LORA = ("transformer_blocks.0.attn.to_k.lora_down.weight", "transformer_blocks.0.attn.to_k.alpha")
PEFT_LORA = ("transformer.transformer_blocks.0.attn.to_k.lora_A.default.weight",)
FLUX_LORA = ("diffusion_model.double_blocks.0.img_attn.proj.lora_A.weight",)


def check_weights(path: Path, part: ModelPart, what: str, name: str = "") -> None:
    """Refuse a file as the selection does."""
    problem = inspect_weights(path, (part,)).verdicts[part].problem
    if problem:
        raise invalid_file(name or path.name, part, what, problem)


def _part(profile: str, role: str) -> ModelPart:
    return next(part for name, part in load_profiles().get(profile).parts.items() if name == role)


def _quantised(names: Iterable[str]) -> list[str]:
    """As an fp8 or int8 file has them: beside each matrix its scale and a description."""
    extra = ("weight_scale", "comfy_quant")
    return [*names, *(f"{name[:-7]}.{end}" for name in names if name.endswith(".weight") for end in extra)]


def _write(path: Path, names: Iterable[str]) -> Path:
    save_file({name: torch.zeros(2) for name in names}, path, {"format": "pt"})
    return path


@pytest.mark.parametrize(
    ("profile", "role", "names"),
    [
        ("qwen-edit-2511-full", "diffusion_model", QWEN_2511),
        ("qwen-edit-2511-full", "diffusion_model", QWEN),  # repacks by other people lack the mark
        ("qwen-edit-2511-full", "diffusion_model", [f"model.diffusion_model.{name}" for name in QWEN]),
        ("qwen-edit-2511-full", "diffusion_model", _quantised(QWEN_2511)),
        ("qwen-edit-2509-full", "diffusion_model", QWEN),
        ("firered-1.1-full", "diffusion_model", QWEN),
        ("qwen-edit-2511-full", "text_encoder", QWEN_VL),
        ("qwen-edit-2511-full", "vae", WAN_VAE),
        ("qwen-edit-2511-lightning-4", "lora", QWEN_LORA),
        ("firered-1.1-lightning-8", "lora", PEFT_LORA),
        ("qwen-rapid-aio", "checkpoint", AIO),
        ("flux-2-klein-4b", "diffusion_model", KLEIN),
        ("flux-2-klein-9b", "diffusion_model", _quantised(KLEIN_9B)),
        ("flux-2-dev-full", "diffusion_model", DEV),
        ("flux-2-dev-full", "text_encoder", MISTRAL),
        ("flux-2-klein-4b", "text_encoder", QWEN_3),
        ("flux-2-klein-4b", "vae", FLUX2_VAE),
        ("flux-2-dev-turbo", "lora", FLUX_LORA),
        ("mage-flow-edit", "diffusion_model", MAGE),
        ("mage-flow-edit", "text_encoder", QWEN_3_VL),
        ("mage-flow-edit", "vae", MAGE_VAE),
        ("qwen-image-2.1", "diffusion_model", ["anything.weight"]),
    ],
)
def test_a_file_of_the_architecture_passes(
    profile: str, role: str, names: Iterable[str], tmp_path: Path
) -> None:
    check_weights(_write(tmp_path / "x.safetensors", names), _part(profile, role), "a part")


@pytest.mark.parametrize(
    ("profile", "role", "names", "problem"),
    [
        ("qwen-edit-2511-full", "diffusion_model", FLUX1, "it has no tensor txt_norm.weight"),
        ("qwen-edit-2511-full", "diffusion_model", KLEIN, "it has no tensor txt_norm.weight"),
        ("qwen-edit-2511-full", "diffusion_model", WAN, "it has no tensor txt_norm.weight"),
        ("qwen-edit-2511-full", "diffusion_model", LAYERED, "it has a tensor time_text_embed.addition"),
        (
            "qwen-edit-2511-full",
            "diffusion_model",
            [f"{name}s" for name in QWEN],
            "it has no tensor txt_norm",
        ),
        (
            "qwen-edit-2511-full",
            "diffusion_model",
            [f"x{name}" for name in QWEN],
            "it has no tensor txt_norm",
        ),
        ("qwen-edit-2509-full", "diffusion_model", QWEN_2511, "or version: it has a tensor __index_timestep"),
        ("qwen-edit-2511-full", "diffusion_model", QWEN_LORA, "it has no tensor txt_norm.weight"),
        ("qwen-edit-2511-full", "vae", SD_VAE, "it has no tensor decoder.middle.0.residual.0.gamma"),
        ("qwen-edit-2511-full", "vae", FLUX2_VAE, "it has no tensor decoder.middle.0.residual.0.gamma"),
        ("qwen-edit-2511-full", "vae", WAN_22_VAE, "it has a tensor decoder.upsamples.0.upsamples"),
        ("qwen-edit-2511-full", "text_encoder", LLM, "it has no tensor visual.patch_embed.proj.weight"),
        ("qwen-edit-2511-full", "text_encoder", QWEN_3_VL, "it has no tensor layers.0.self_attn.k_proj.bias"),
        ("qwen-edit-2511-lightning-4", "lora", FLUX_LORA, "it has no tensor"),
        ("qwen-edit-2511-lightning-4", "lora", QWEN, "it has no tensor"),
        ("qwen-rapid-aio", "checkpoint", QWEN, "it has no tensor layers.0.self_attn.k_proj.bias"),
        ("flux-2-klein-4b", "diffusion_model", FLUX1, "it has no tensor double_stream_modulation_img"),
        ("flux-2-klein-4b", "diffusion_model", QWEN, "it has no tensor double_stream_modulation_img"),
        ("flux-2-klein-4b", "diffusion_model", KLEIN_9B, "it has a tensor double_blocks.5"),
        ("flux-2-klein-9b", "diffusion_model", DEV, "it has a tensor guidance_in"),
        ("flux-2-dev-full", "diffusion_model", KLEIN_9B, "it has no tensor guidance_in"),
        ("flux-2-dev-full", "text_encoder", QWEN_3, "it has no tensor tekken_model"),
        ("flux-2-klein-4b", "text_encoder", QWEN_VL, "it has no tensor layers.0.self_attn.q_norm.weight"),
        ("flux-2-klein-4b", "vae", FLUX1_VAE, "it has no tensor bn.running_mean"),
        ("flux-2-klein-4b", "vae", WAN_VAE, "it has no tensor bn.running_mean"),
        ("flux-2-dev-turbo", "lora", DEV, "it has no tensor"),
        ("mage-flow-edit", "diffusion_model", QWEN_FULL, "it has a tensor transformer_blocks.12"),
        ("mage-flow-edit", "vae", FLUX2_VAE, "it has no tensor student"),
        ("flux-3-klein", "diffusion_model", FLUX2_VAE, "it has a tensor decoder.conv_in.weight"),
    ],
)
def test_a_file_of_another_architecture_is_refused(
    profile: str, role: str, names: Iterable[str], problem: str, tmp_path: Path
) -> None:
    part = _part(profile, role)
    path = _write(tmp_path / "mine.safetensors", names)
    with pytest.raises(InvalidModelFile) as caught:
        check_weights(path, part, "the VAE of a model", "flux/mine.safetensors")
    told = caught.value.message
    assert told.startswith("flux/mine.safetensors, taken for the VAE of a model, is of another architecture")
    assert problem in told
    assert told.endswith(f"Download it again from {part.files[0].url}, or choose another.")
    assert str(tmp_path) not in told


def _file(header: bytes, length: int | None = None, data: int = 0) -> bytes:
    return struct.pack("<Q", len(header) if length is None else length) + header + bytes(data)


def _tensor(*offsets: object) -> bytes:
    return json.dumps({"txt_norm.weight": {"dtype": "F32", "shape": [2], "data_offsets": offsets}}).encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is not a safetensors file; a web page"),
        (b"PK\x03\x04", "is not a safetensors file"),
        (b"<!DOCTYPE html><html></html>", "is not a safetensors file; a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a link to the file"),
        (_file(b"{}", LARGEST_HEADER + 1), "is not a safetensors file"),
        (_file(b"[]"), "is not a safetensors file"),
        (_file(b"{]"), "its header is damaged"),
        (_file(b'{"a": "\xff"}'), "its header is damaged"),
        (_file(b'{"a": 1}'), "its header is damaged"),
        (_file(b'{"a": {}}'), "its header is damaged"),
        (_file(b'{"a":' * 50_000), "its header is damaged"),
        (_file(b'{"__metadata__":' + b"[" * 200 + b"]" * 200 + b"}"), "its header is damaged"),
        (_file(_tensor(0)), "its header is damaged"),
        (_file(_tensor(0, "8")), "its header is damaged"),
        (_file(_tensor(0, None)), "its header is damaged"),
        (_file(_tensor(0, 8), 1000), "is cut off: it ends after"),
        (_file(_tensor(0, 8), data=7), "is cut off: it has"),
        (_file(_tensor(0, 2**70)), "is cut off: it has"),
        (_file(b"{}"), "it has no tensor txt_norm.weight"),
        (_file(_tensor(0, 8), data=8), "it has no tensor img_in.weight"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "qwen_image_edit_2511_int8_convrot.safetensors"
    path.write_bytes(content)
    with pytest.raises(InvalidModelFile, match="taken for the model") as caught:
        check_weights(path, _part("qwen-edit-2511-full", "diffusion_model"), "the model")
    assert problem in caught.value.message
    assert f"/{path.name}, or choose another." in caught.value.message  # the file's own address
    assert isinstance(caught.value, ModelUnavailable)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidModelFile, match=r"gone\.safetensors, taken for it, cannot be read \(No such"):
        check_weights(tmp_path / "gone.safetensors", _part("qwen-edit-2511-full", "vae"), "it")
