"""Files as people have them, by fake headers: which one is taken for a model, or what the message says.

Every row writes files into ComfyUI's folders beside the plain rest of the family, and asks for a model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.part_files import Shelf
from multiedit.pipelines.adapters.comfyui.profiles.profile import PART_FOLDERS
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import select_profile
from multiedit.pipelines.adapters.comfyui.profiles.weights_file import FileFacts, inspect_weights
from multiedit.pipelines.common.errors import ModelUnavailable
from multiedit.tests.support.fake_weights import write_weights

GB = 10**9
DIT, ENCODER, VAE, LORA, AIO = "diffusion_models/", "text_encoders/", "vae/", "loras/", "checkpoints/"
Files = Mapping[str, Any]  # by folder and name without the ending: architecture, or with its options

QWEN: Files = {ENCODER + "qwen_2.5_vl_7b_fp8_scaled": "qwen 2.5 7B", VAE + "qwen_image_vae": "qwen vae"}
KLEIN_4: Files = {ENCODER + "qwen_3_4b": "qwen 3 4B", VAE + "flux2-vae": "flux 2 vae"}
KLEIN_9: Files = {ENCODER + "qwen_3_8b_fp8mixed": "qwen 3 8B", VAE + "flux2-vae": "flux 2 vae"}
DEV: Files = {ENCODER + "mistral_3_small_flux2_fp8": "mistral", VAE + "flux2-vae": "flux 2 vae"}
MAGE: Files = {ENCODER + "qwen3vl_4b_bf16": "qwen 3 VL 4B", VAE + "mage_flow_vae_bf16": "mage vae"}
LONGCAT: Files = {ENCODER + "qwen_2.5_vl_7b_fp8_scaled": "qwen 2.5 7B", VAE + "ae": "flux 1 vae"}
BOOGU: Files = {ENCODER + "qwen3vl_8b_fp8_scaled": "qwen 3 VL 8B", VAE + "ae": "flux 1 vae"}
FLUX_1: Files = {ENCODER + "t5xxl_fp16": "t5", ENCODER + "clip_l": "clip l", VAE + "ae": "flux 1 vae"}
RESTS: Mapping[str, Files] = {
    "qwen-edit": QWEN,
    "qwen-edit-2509": QWEN,
    "firered-image-edit": QWEN,
    "firered-image-edit-1.0": QWEN,
    "qwen-edit-uncensored": {},
    "flux-2-klein-4b-edit": KLEIN_4,
    "flux-2-klein-4b-base-edit": KLEIN_4,
    "flux-2-klein-9b-edit": KLEIN_9,
    "flux-2-klein-9b-base-edit": KLEIN_9,
    "flux-2-klein-9b-kv-edit": KLEIN_9,
    "flux-2-dev-edit": DEV,
    "mage-flow-edit": MAGE,
    "mage-flow-turbo-edit": MAGE,
    "qwen-image-edit": QWEN,
    "longcat-image-edit": LONGCAT,
    "boogu-image-edit": BOOGU,
    "flux-1-kontext-dev-edit": FLUX_1,
    "flux-1-fill-dev": FLUX_1,
}
LIGHTNING, EIGHT = (LORA + f"Qwen-Image-Edit-2511-Lightning-{steps}steps-V1.0-bf16" for steps in (4, 8))


def made(architecture: str, quantisation: str = "bf16", **options: Any) -> tuple[str, str, dict[str, Any]]:
    return architecture, quantisation, options


@dataclass(frozen=True)
class Row:
    """Files, and what comes of them.

    Attributes:
        taken: the file of the profile's first part that the files here are about; empty for an error.
        profile: its id; empty for an error.
        words: in the notes, or in the error.
        without: files of the family's rest that are not there.
    """

    model: str
    files: Files
    taken: str = ""
    profile: str = ""
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    memory: int = 80
    chosen: Mapping[Any, str] = field(default_factory=dict)


AS_PLAIN = "qwen-edit-2511-full"
Q11, Q09 = "qwen_image_edit_2511", "qwen_image_edit_2509"
PLAIN = {DIT + f"{Q11}_bf16": made("qwen 2511")}
STEPS4 = "qwen_image_edit_2511_fp8_e4m3fn_scaled_lightning_comfyui_4steps_v1.0"

OFFICIAL = {
    "2511 bf16": Row("qwen-edit", PLAIN, f"{Q11}_bf16", AS_PLAIN, ("bf16)",)),
    "2511 fp8 mixed": Row(
        "qwen-edit",
        {DIT + f"{Q11}_fp8mixed": made("qwen 2511", "fp8 mixed")},
        f"{Q11}_fp8mixed",
        AS_PLAIN,
        ("fp8 mixed)",),
    ),
    "2511 int8": Row(
        "qwen-edit",
        {DIT + f"{Q11}_int8_convrot": made("qwen 2511", "int8")},
        f"{Q11}_int8_convrot",
        AS_PLAIN,
        ("int8)",),
    ),
    "2511 with its LoRA": Row(
        "qwen-edit", {**PLAIN, LIGHTNING: "qwen lora"}, f"{Q11}_bf16", "qwen-edit-2511-lightning-4"
    ),
    "2509 fp8": Row(
        "qwen-edit-2509",
        {DIT + f"{Q09}_fp8_e4m3fn": made("qwen", "fp8")},
        f"{Q09}_fp8_e4m3fn",
        "qwen-edit-2509-full",
        ("fp8)",),
    ),
    "firered 1.1": Row(
        "firered-image-edit",
        {DIT + "FireRed-Image-Edit-1.1-transformer": "qwen"},
        "FireRed-Image-Edit-1.1-transformer",
        "firered-1.1-full",
    ),
    "firered 1.0": Row(
        "firered-image-edit-1.0",
        {DIT + "FireRed-Image-Edit-1.0-transformer": "qwen"},
        "FireRed-Image-Edit-1.0-transformer",
        "firered-1.0-full",
    ),
    "klein 4B": Row(
        "flux-2-klein-4b-edit",
        {DIT + "flux-2-klein-4b-fp8": made("klein 4B", "fp8 scaled")},
        "flux-2-klein-4b-fp8",
        "flux-2-klein-4b",
        ("fp8 scaled)",),
    ),
    "klein base 4B": Row(
        "flux-2-klein-4b-base-edit",
        {DIT + "flux-2-klein-base-4b": "klein 4B"},
        "flux-2-klein-base-4b",
        "flux-2-klein-base-4b",
    ),
    "klein 9B": Row(
        "flux-2-klein-9b-edit",
        {DIT + "flux-2-klein-9b": "klein 9B"},
        "flux-2-klein-9b",
        "flux-2-klein-9b",
        ("limits commercial use",),
    ),
    "klein 9B KV": Row(
        "flux-2-klein-9b-kv-edit",
        {DIT + "flux-2-klein-9b-kv-fp8": made("klein 9B", "fp8")},
        "flux-2-klein-9b-kv-fp8",
        "flux-2-klein-9b-kv",
    ),
    "dev": Row(
        "flux-2-dev-edit",
        {DIT + "flux2_dev_fp8mixed": made("dev", "fp8 mixed")},
        "flux2_dev_fp8mixed",
        "flux-2-dev-full",
    ),
    "mage": Row(
        "mage-flow-edit", {DIT + "mage_flow_edit_bf16": "mage"}, "mage_flow_edit_bf16", "mage-flow-edit"
    ),
    "mage turbo": Row(
        "mage-flow-turbo-edit",
        {DIT + "mage_flow_edit_turbo_bf16": "mage"},
        "mage_flow_edit_turbo_bf16",
        "mage-flow-edit-turbo",
    ),
}

FEWER_IMAGES = {
    "the first qwen edit": Row(
        "qwen-image-edit",
        {DIT + "qwen_image_edit_fp8_e4m3fn": made("qwen", "fp8")},
        "qwen_image_edit_fp8_e4m3fn",
        "qwen-edit-first",
        ("fp8)",),
    ),
    "the first qwen edit with its LoRA": Row(
        "qwen-image-edit",
        {
            DIT + "Qwen-Image-Edit-bf16": "qwen",
            LORA + "Qwen-Image-Edit-Lightning-4steps-V1.0-bf16": "qwen lora",
            LIGHTNING: "qwen lora",
        },
        "Qwen-Image-Edit-bf16",
        "qwen-edit-first-lightning-4",
        ("The LoRA is Qwen-Image-Edit-Lightning-4steps-V1.0-bf16.safetensors",),
    ),
    "the first qwen edit among its successors": Row(
        "qwen-image-edit",
        {DIT + f"{Q11}_bf16": "qwen 2511", DIT + f"{Q09}_bf16": "qwen", DIT + "qwen_image_edit": "qwen"},
        "qwen_image_edit",
        "qwen-edit-first",
    ),
    "a successor for the first": Row(
        "qwen-image-edit", {DIT + f"{Q09}_bf16": "qwen"}, words=("is another variant by its name (edit25)",)
    ),
    "firered for the first": Row(
        "qwen-image-edit",
        {DIT + "FireRed-Qwen-Edit-1.1": "qwen"},
        words=("is another variant by its name (firered)",),
    ),
    "longcat": Row(
        "longcat-image-edit",
        {DIT + "longcat_image_edit_bf16": "longcat"},
        "longcat_image_edit_bf16",
        "longcat-edit",
    ),
    "longcat for text": Row(
        "longcat-image-edit", {DIT + "longcat_image_bf16": "longcat"}, words=("files 1 are missing",)
    ),
    "longcat turbo": Row(
        "longcat-image-edit",
        {DIT + "LongCat-Image-Edit-Turbo": "longcat"},
        words=("is distilled to few steps",),
    ),
    "a flux under longcat's name": Row(
        "longcat-image-edit",
        {DIT + "longcat_image_edit_bf16": "kontext"},
        words=("it has a tensor vector_in.in_layer.weight",),
    ),
    "boogu": Row(
        "boogu-image-edit",
        {DIT + "boogu_image_edit_int8_convrot": made("boogu", "int8")},
        "boogu_image_edit_int8_convrot",
        "boogu-edit",
        ("int8)",),
    ),
    "boogu for text": Row(
        "boogu-image-edit", {DIT + "boogu_image_bf16": "boogu"}, words=("files 1 are missing",)
    ),
    "boogu turbo": Row(
        "boogu-image-edit",
        {DIT + "boogu_image_edit_turbo_bf16": "boogu"},
        words=("is distilled to few steps",),
    ),
    "omnigen under boogu's name": Row(
        "boogu-image-edit",
        {DIT + "boogu_image_edit_bf16": "omnigen"},
        words=("it has no tensor double_stream_layers",),
    ),
    "kontext": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux1-dev-kontext_fp8_scaled": made("kontext", "fp8 scaled")},
        "flux1-dev-kontext_fp8_scaled",
        "flux-kontext-dev",
        ("limits commercial use", "The second text encoder is clip_l.safetensors"),
    ),
    "kontext of another make": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "kontext-finetune-v2": made("kontext", prefix="model.diffusion_model.")},
        "kontext-finetune-v2",
        "flux-kontext-dev",
    ),
    "kontext with merged steps": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux-kontext-turbo-8steps": "kontext"},
        words=("is distilled to few steps",),
    ),
    "fill under kontext's name": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux-kontext": "fill"},
        words=("is of another size: img_in.weight is 384 wide, not 64",),
    ),
    "plain flux for kontext": Row(
        "flux-1-kontext-dev-edit", {DIT + "flux1-dev": "kontext"}, words=("files 1 are missing",)
    ),
    "kontext with encoders of other names": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux1-kontext-dev": "kontext", ENCODER + "large": "t5", ENCODER + "small": "clip l"},
        "flux1-kontext-dev",
        "flux-kontext-dev",
        ("The text encoder is large.safetensors", "The second text encoder is small.safetensors"),
        without=(ENCODER + "t5xxl_fp16", ENCODER + "clip_l"),
    ),
    "kontext with other encoders": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux1-kontext-dev": "kontext", ENCODER + "t5xxl": "umt5", ENCODER + "clip_l_g": "clip g"},
        words=(
            "t5xxl.safetensors, taken for the text encoder of FLUX.1 Kontext dev",
            "relative_attention_bias",
        ),
        without=(ENCODER + "t5xxl_fp16", ENCODER + "clip_l"),
    ),
    "kontext with T5 XL": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux1-kontext-dev": "kontext", ENCODER + "t5xxl": "t5 xl"},
        words=("t5xxl.safetensors, taken for the text encoder", "is 5120 wide, not 10240"),
        without=(ENCODER + "t5xxl_fp16",),
    ),
    "kontext with a VAE of SD": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux1-kontext-dev": "kontext", VAE + "ae": "sd vae"},
        words=("ae.safetensors, taken for the VAE", "it has a tensor post_quant_conv.weight"),
    ),
    "kontext with the VAE of FLUX.2": Row(
        "flux-1-kontext-dev-edit",
        {DIT + "flux1-kontext-dev": "kontext", VAE + "ae": "flux 2 vae"},
        words=("ae.safetensors, taken for the VAE", "it has a tensor bn.running_mean"),
    ),
    "fill": Row(
        "flux-1-fill-dev",
        {DIT + "flux1-fill-dev": "fill"},
        "flux1-fill-dev",
        "flux-fill-dev",
        ("limits commercial use",),
    ),
    "fill by its header": Row("flux-1-fill-dev", {DIT + "inpainter": "fill"}, "inpainter", "flux-fill-dev"),
    "depth under fill's name": Row(
        "flux-1-fill-dev", {DIT + "flux1-fill": "depth"}, words=("img_in.weight is 128 wide, not 384",)
    ),
    "onereward for fill": Row(
        "flux-1-fill-dev",
        {DIT + "flux.1-fill-dev-OneReward-transformer_fp8": "fill"},
        words=("is another variant by its name (onereward)",),
    ),
    "the smaller encoder is chosen": Row(
        "flux-1-fill-dev",
        {DIT + "flux1-fill-dev": "fill", ENCODER + "mine": "clip l"},
        "flux1-fill-dev",
        "flux-fill-dev",
        ("The second text encoder is mine.safetensors", "it was chosen"),
        chosen={"text_encoder_2": "mine.safetensors"},
    ),
}

COMMUNITY = {
    "2511 by a repacker": Row(
        "qwen-edit",
        {DIT + "Qwen-Image-Edit-2511-FP8_e4m3fn": made("qwen", "fp8")},
        "Qwen-Image-Edit-2511-FP8_e4m3fn",
        AS_PLAIN,
    ),
    "2511 by its initials": Row("qwen-edit", {DIT + "QIE-2511": "qwen"}, "QIE-2511", AS_PLAIN),
    "2511 by its number": Row("qwen-edit", {DIT + "edit_2511_best": "qwen"}, "edit_2511_best", AS_PLAIN),
    "2511 by its mark alone": Row("qwen-edit", {DIT + "my model": "qwen 2511"}, "my model", AS_PLAIN),
    "2511 with a prefix": Row(
        "qwen-edit",
        {DIT + "qwenEdit2511": made("qwen 2511", prefix="model.diffusion_model.")},
        "qwenEdit2511",
        AS_PLAIN,
    ),
    "2511 in a subfolder": Row(
        "qwen-edit", {DIT + f"qwen/edit/{Q11}_bf16": "qwen 2511"}, f"qwen/edit/{Q11}_bf16", AS_PLAIN
    ),
    "2511 by its subfolder": Row(
        "qwen-edit",
        {DIT + "qwen-edit-2511/diffusion_pytorch_model": "qwen"},
        "qwen-edit-2511/diffusion_pytorch_model",
        AS_PLAIN,
    ),
    "2511 by its metadata": Row(
        "qwen-edit",
        {DIT + "mine": made("qwen", metadata={"modelspec.title": "Qwen Image Edit 2511"})},
        "mine",
        AS_PLAIN,
    ),
    "2509 as plus": Row(
        "qwen-edit-2509",
        {DIT + "Qwen_Image_Edit_Plus_fp8": made("qwen", "fp8")},
        "Qwen_Image_Edit_Plus_fp8",
        "qwen-edit-2509-full",
    ),
    "firered of another make": Row(
        "firered-image-edit",
        {DIT + "FireRed_Edit_1.1-fp8_scaled-v1.0": made("qwen", "fp8 scaled")},
        "FireRed_Edit_1.1-fp8_scaled-v1.0",
        "firered-1.1-full",
    ),
    "klein in one word": Row(
        "flux-2-klein-9b-edit", {DIT + "flux2Klein_9b": "klein 9B"}, "flux2Klein_9b", "flux-2-klein-9b"
    ),
    "klein with dots": Row(
        "flux-2-klein-4b-edit",
        {DIT + "FLUX.2-klein-4B-nvfp4": made("klein 4B", "nvfp4")},
        "FLUX.2-klein-4B-nvfp4",
        "flux-2-klein-4b",
        ("nvfp4)",),
    ),
    "klein without a size": Row(
        "flux-2-klein-9b-edit", {DIT + "klein-finetune": "klein 9B"}, "klein-finetune", "flux-2-klein-9b"
    ),
    "klein whose name has the wrong size": Row(
        "flux-2-klein-4b-edit", {DIT + "flux-2-klein-9b": "klein 4B"}, "flux-2-klein-9b", "flux-2-klein-4b"
    ),
    "klein base after its size": Row(
        "flux-2-klein-9b-base-edit",
        {DIT + "flux2-klein-9b-base": "klein 9B"},
        "flux2-klein-9b-base",
        "flux-2-klein-base-9b",
    ),
    "klein base by its metadata": Row(
        "flux-2-klein-4b-base-edit",
        {DIT + "unet": made("klein 4B", metadata={"modelspec.title": "FLUX.2 klein base 4B"})},
        "unet",
        "flux-2-klein-base-4b",
    ),
    "dev by its header": Row("flux-2-dev-edit", {DIT + "big": "dev"}, "big", "flux-2-dev-full"),
    "encoder renamed": Row(
        "qwen-edit",
        {**PLAIN, ENCODER + "encoder": "qwen 2.5 7B"},
        f"{Q11}_bf16",
        AS_PLAIN,
        ("The text encoder is encoder.safetensors",),
        without=(ENCODER + "qwen_2.5_vl_7b_fp8_scaled",),
    ),
    "encoder of klein renamed": Row(
        "flux-2-klein-9b-edit",
        {DIT + "flux-2-klein-9b": "klein 9B", ENCODER + "te": "qwen 3 8B"},
        "flux-2-klein-9b",
        "flux-2-klein-9b",
        ("The text encoder is te.safetensors",),
        without=(ENCODER + "qwen_3_8b_fp8mixed",),
    ),
    "vae renamed": Row(
        "flux-2-klein-4b-edit",
        {DIT + "flux-2-klein-4b": "klein 4B", VAE + "ae2": "small flux 2 vae"},
        "flux-2-klein-4b",
        "flux-2-klein-4b",
        ("The VAE is ae2.safetensors",),
        without=(VAE + "flux2-vae",),
    ),
    "encoder of VL renamed": Row(
        "mage-flow-edit",
        {DIT + "mage_flow_edit_bf16": "mage", ENCODER + "vision": "qwen 3 VL 4B"},
        "mage_flow_edit_bf16",
        "mage-flow-edit",
        ("The text encoder is vision.safetensors",),
        without=(ENCODER + "qwen3vl_4b_bf16",),
    ),
}

QUANTISED = {
    f"2511 {kind} of any name": Row(
        "qwen-edit",
        {DIT + f"edit-2511-{n}": made("qwen 2511", kind)},
        f"edit-2511-{n}",
        AS_PLAIN,
        (f", {kind})",),
    )
    for n, kind in enumerate(
        ("bf16", "fp16", "fp32", "fp8", "fp8 scaled", "fp8 mixed", "mxfp8", "int8", "nvfp4")
    )
}
CHOICE = {
    "the most exact that fits": Row(
        "qwen-edit",
        {
            DIT + f"2511-{kind}": made("qwen 2511", kind, gigabytes=size)
            for kind, size in (("nvfp4", 12.0), ("int8", 20.5), ("bf16", 40.9))
        },
        "2511-int8",
        AS_PLAIN,
        ("the most exact that fits, in 27.2 GB",),
        memory=32,
    ),
    "by the file's own size": Row(
        "qwen-edit",
        {
            DIT + "2511-a": made("qwen 2511", "bf16", gigabytes=40.9),
            DIT + "2511-b": made("qwen 2511", "fp8 mixed", gigabytes=20.5),
        },
        "2511-b",
        AS_PLAIN,
        ("the most exact that fits",),
        memory=32,
    ),
    "the smallest where none fits": Row(
        "qwen-edit",
        {
            DIT + "2511-a": made("qwen 2511", "fp8", gigabytes=20.5),
            DIT + "2511-b": made("qwen 2511", "nvfp4", gigabytes=12.0),
        },
        "2511-b",
        AS_PLAIN,
        ("the smallest that is there",),
        memory=8,
    ),
    "a named one before a look-alike": Row(
        "qwen-edit",
        {DIT + "a": "qwen 2511", DIT + f"{Q11}_int8": made("qwen 2511", "int8")},
        f"{Q11}_int8",
        AS_PLAIN,
    ),
    "an uncensored one last": Row(
        "qwen-edit",
        {DIT + f"{Q11}_nsfw_bf16": "qwen 2511", DIT + f"{Q11}_int8": made("qwen 2511", "int8")},
        f"{Q11}_int8",
        AS_PLAIN,
    ),
    "an uncensored one that fits better": Row(
        "qwen-edit",
        {
            DIT + "2511-uncensored-fp8": made("qwen 2511", "fp8", gigabytes=20.5),
            DIT + "2511-bf16": made("qwen 2511", "bf16", gigabytes=40.9),
        },
        "2511-bf16",
        AS_PLAIN,
        memory=24,
    ),
    "an abliterated encoder last": Row(
        "qwen-edit",
        {**PLAIN, ENCODER + "Qwen2.5-VL-7B-abliterated": "qwen 2.5 7B"},
        f"{Q11}_bf16",
        AS_PLAIN,
        ("The text encoder is qwen_2.5_vl_7b_fp8_scaled.safetensors",),
    ),
    "an uncensored one with a step LoRA last": Row(
        "qwen-edit",
        {DIT + f"{Q11}_nsfw": "qwen 2511", LIGHTNING: "qwen lora", DIT + STEPS4: "qwen 2511"},
        STEPS4,
        "qwen-edit-2511-merged-4",
    ),
    "an uncensored one where there is no other": Row(
        "qwen-edit", {DIT + f"{Q11}_nsfw": "qwen 2511"}, f"{Q11}_nsfw", AS_PLAIN
    ),
}

MERGED = {
    "4 steps by the name": Row(
        "qwen-edit", {DIT + STEPS4: made("qwen", "fp8 scaled")}, STEPS4, "qwen-edit-2511-merged-4"
    ),
    "8 steps by the name": Row(
        "qwen-edit-2509",
        {DIT + "Qwen-Edit-2509-8step-fused": "qwen"},
        "Qwen-Edit-2509-8step-fused",
        "qwen-edit-2509-merged-8",
    ),
    "4 steps in metadata": Row(
        "qwen-edit",
        {DIT + f"{Q11}_x": made("qwen 2511", metadata={"merged": "Lightning 4steps V1.0"})},
        f"{Q11}_x",
        "qwen-edit-2511-merged-4",
    ),
    "turbo in metadata": Row(
        "qwen-edit",
        {DIT + f"{Q11}_x": made("qwen 2511", metadata={"turbo_lora": "1.0"})},
        f"{Q11}_x",
        "qwen-edit-2511-merged-8",
    ),
    "lightning without steps": Row(
        "qwen-edit", {DIT + f"{Q11}_lightning": "qwen 2511"}, f"{Q11}_lightning", "qwen-edit-2511-merged-8"
    ),
    "rapid": Row(
        "qwen-edit", {DIT + "Qwen-Rapid-2511": "qwen"}, "Qwen-Rapid-2511", "qwen-edit-2511-merged-8"
    ),
    "firered": Row(
        "firered-image-edit",
        {DIT + "FireRed-Image-Edit-1.1-Lightning-8steps": "qwen"},
        "FireRed-Image-Edit-1.1-Lightning-8steps",
        "firered-1.1-merged-8",
    ),
    "firered of four": Row(
        "firered-image-edit-1.0",
        {DIT + "FireRed-Image-Edit-1.0-4step": "qwen"},
        "FireRed-Image-Edit-1.0-4step",
        "firered-1.0-merged-4",
    ),
    "beside the plain model and its LoRA": Row(
        "qwen-edit",
        {**PLAIN, DIT + STEPS4: "qwen 2511", LIGHTNING: "qwen lora"},
        f"{Q11}_bf16",
        "qwen-edit-2511-lightning-4",
        (f"{STEPS4}.safetensors is passed over: it is distilled to few steps",),
    ),
    "beside the plain model": Row(
        "qwen-edit", {**PLAIN, DIT + STEPS4: "qwen 2511"}, STEPS4, "qwen-edit-2511-merged-4"
    ),
    "training steps in metadata": Row(
        "qwen-edit",
        {DIT + f"{Q11}_x": made("qwen 2511", metadata={"epoch": "4", "steps": "2000"})},
        f"{Q11}_x",
        AS_PLAIN,
    ),
    "training steps are no few steps": Row(
        "qwen-edit", {DIT + f"{Q11}_tuned_2000steps": "qwen 2511"}, f"{Q11}_tuned_2000steps", AS_PLAIN
    ),
    "turbo of dev": Row(
        "flux-2-dev-edit",
        {DIT + "flux2-dev-turbo-fp8": made("dev", "fp8")},
        words=("Not taken: flux2-dev-turbo-fp8.safetensors is distilled to few steps",),
    ),
    "four steps of base": Row(
        "flux-2-klein-4b-base-edit",
        {DIT + "flux-2-klein-base-4b-4steps": "klein 4B"},
        words=("is distilled to few steps",),
    ),
    "distilled klein": Row(
        "flux-2-klein-4b-edit",
        {DIT + "flux-2-klein-4b-distilled-4step": "klein 4B"},
        "flux-2-klein-4b-distilled-4step",
        "flux-2-klein-4b",
    ),
    "turbo for plain mage": Row(
        "mage-flow-edit",
        {DIT + "mage_flow_edit_turbo_bf16": "mage"},
        words=("is another variant by its name (turbo)",),
    ),
}

BROKEN = {
    "a cut file beside a whole one": Row(
        "qwen-edit",
        {DIT + f"{Q11}_bf16": made("qwen 2511", cut=True), DIT + f"{Q11}_int8": made("qwen", "int8")},
        f"{Q11}_int8",
        AS_PLAIN,
        (f"{Q11}_bf16.safetensors is passed over: it is cut off",),
    ),
    "a cut file alone": Row(
        "qwen-edit",
        {DIT + f"{Q11}_bf16": made("qwen 2511", cut=True)},
        words=(
            f"{Q11}_bf16.safetensors, taken for the diffusion model of Qwen-Image-Edit 2511, is cut off",
            "/qwen_image_edit_2511_bf16.safetensors, or choose another.",
        ),
    ),
    "another architecture under its name": Row(
        "qwen-edit",
        {DIT + f"{Q11}_bf16": "klein 4B", DIT + f"{Q11}_fp8": made("qwen 2511", "fp8")},
        f"{Q11}_fp8",
        AS_PLAIN,
        ("is passed over: it is of another architecture",),
    ),
    "a layered model": Row("qwen-edit", {DIT + Q11: "qwen layered"}, words=("is of another architecture",)),
    "a wan model": Row("qwen-edit", {DIT + Q11: "wan"}, words=("it has no tensor txt_norm.weight",)),
    "a flux 1 under flux 2's name": Row(
        "flux-2-dev-edit", {DIT + "flux2_dev_fp8mixed": "flux 1"}, words=("it has no tensor double_stream",)
    ),
    "2511 under the name of 2509": Row(
        "qwen-edit-2509",
        {DIT + f"{Q09}_bf16": "qwen 2511"},
        words=("it has a tensor __index_timestep_zero__",),
    ),
    "klein 9B under the name of 4B": Row(
        "flux-2-klein-4b-edit", {DIT + "flux-2-klein-4b": "klein 9B"}, words=("has a tensor double_blocks.5",)
    ),
    "klein 4B under the name of 9B": Row(
        "flux-2-klein-9b-edit",
        {DIT + "flux-2-klein-9b": "klein 4B"},
        words=("img_in.weight is 3072 wide, not 4096",),
    ),
    "the encoder of 4B for 9B": Row(
        "flux-2-klein-9b-edit",
        {DIT + "flux-2-klein-9b": "klein 9B", ENCODER + "qwen_3_8b": "qwen 3 4B"},
        words=("qwen_3_8b.safetensors, taken for the text encoder", "is 2560 wide, not 4096"),
        without=(ENCODER + "qwen_3_8b_fp8mixed",),
    ),
    "the small Qwen-VL": Row(
        "qwen-edit",
        {**PLAIN, ENCODER + "qwen_2.5_vl_7b": "qwen 2.5 3B"},
        f"{Q11}_bf16",
        AS_PLAIN,
        ("qwen_2.5_vl_7b.safetensors is passed over", "The text encoder is qwen_2.5_vl_7b_fp8_scaled"),
    ),
    "Qwen 3.5 for Qwen3-VL": Row(
        "mage-flow-edit",
        {DIT + "mage_flow_edit_bf16": "mage", ENCODER + "qwen3vl_4b_bf16": "qwen 3.5 9B"},
        words=("it has a tensor layers.0.linear_attn.A_log",),
    ),
    "the VAE with alpha": Row(
        "qwen-edit",
        {**PLAIN, VAE + "qwen_image_vae": "layered vae"},
        words=("qwen_image_vae.safetensors, taken for the VAE", "encoder.conv1.weight is 4 wide, not 3"),
    ),
    "the VAE of FLUX.1": Row(
        "flux-2-klein-4b-edit",
        {DIT + "flux-2-klein-4b": "klein 4B", VAE + "flux2-vae": "flux 1 vae"},
        words=("it has no tensor bn.running_mean",),
    ),
    "a piece of a model": Row(
        "qwen-edit",
        {DIT + "qwen-edit-2511-00001-of-00005": "qwen 2511"},
        words=("is one of 5 pieces of a model; ComfyUI's loader takes a single file",),
    ),
    "a nunchaku file": Row(
        "qwen-edit",
        {DIT + "svdq-int4_r32-qwen-image-edit-2511": made("qwen", "nunchaku")},
        words=("is quantised for Nunchaku",),
    ),
    "a LoRA of another family": Row(
        "qwen-edit",
        {**PLAIN, LIGHTNING: "flux lora"},
        f"{Q11}_bf16",
        AS_PLAIN,
        ("Profile qwen-edit-2511-lightning-4 is not used: its LoRA is not there", "another architecture"),
    ),
    "one broken and one missing": Row(
        "qwen-edit",
        {DIT + f"{Q11}_bf16": made("qwen 2511", cut=True)},
        without=(VAE + "qwen_image_vae",),
        words=("of its 3 files 2 are missing", "Not taken: ", "is cut off"),
    ),
}

NOT_OURS = {
    "the first Qwen edit": Row(
        "qwen-edit", {DIT + "qwen_image_edit_fp8": "qwen"}, words=("files 1 are missing",)
    ),
    "Qwen-Image": Row("qwen-edit", {DIT + "qwen_image_2512_bf16": "qwen"}, words=("files 1 are missing",)),
    "2509 for 2511": Row("qwen-edit", {DIT + f"{Q09}_bf16": "qwen"}, words=("files 1 are missing",)),
    "2511 for 2509": Row("qwen-edit-2509", {DIT + f"{Q11}_bf16": "qwen"}, words=("files 1 are missing",)),
    "firered 1.0 for 1.1": Row(
        "firered-image-edit",
        {DIT + "FireRed-Image-Edit-1.0-transformer": "qwen"},
        words=("files 1 are missing",),
    ),
    "2511 for firered": Row("firered-image-edit", PLAIN, words=("files 1 are missing",)),
    "base for distilled": Row(
        "flux-2-klein-4b-edit",
        {DIT + "flux-2-klein-base-4b": "klein 4B"},
        words=("another variant by its name (base)",),
    ),
    "distilled for base": Row(
        "flux-2-klein-4b-base-edit", {DIT + "flux-2-klein-4b": "klein 4B"}, words=("files 1 are missing",)
    ),
    "KV for plain": Row(
        "flux-2-klein-9b-edit",
        {DIT + "flux-2-klein-9b-kv": "klein 9B"},
        words=("another variant by its name (kv)",),
    ),
    "klein of an unknown name": Row(
        "flux-2-klein-9b-edit", {DIT + "model": "klein 9B"}, words=("files 1 are missing",)
    ),
    "mage for text": Row("mage-flow-edit", {DIT + "mage_flow_bf16": "mage"}, words=("files 1 are missing",)),
    "an encoder of a music model": Row(
        "flux-2-klein-4b-edit",
        {DIT + "flux-2-klein-4b": "klein 4B", ENCODER + "qwen_4b_ace15": "qwen 3 4B"},
        words=("files 1 are missing",),
        without=(ENCODER + "qwen_3_4b",),
    ),
    "wan's VAE": Row(
        "qwen-edit",
        {**PLAIN, VAE + "wan_2.1_vae": "qwen vae"},
        without=(VAE + "qwen_image_vae",),
        words=("files 1 are missing",),
    ),
    "nothing known of it": Row("qwen-edit", {DIT + "thing": "unknown"}, words=("files 1 are missing",)),
}

CHOSEN = {
    "a file of any name": Row(
        "qwen-edit",
        {**PLAIN, DIT + "mine": "qwen"},
        "mine",
        AS_PLAIN,
        ("it was chosen",),
        chosen={"diffusion_model": "mine.safetensors"},
    ),
    "a merged one": Row(
        "qwen-edit",
        {**PLAIN, DIT + STEPS4: "qwen"},
        STEPS4,
        "qwen-edit-2511-merged-4",
        ("it was chosen",),
        chosen={"diffusion_model": f"{STEPS4}.safetensors"},
    ),
    "of another architecture": Row(
        "qwen-edit",
        {**PLAIN, DIT + "flux": "klein 4B"},
        chosen={"diffusion_model": "flux.safetensors"},
        words=("flux.safetensors, taken for the diffusion model", "is of another architecture"),
    ),
    "one that is not there": Row(
        "qwen-edit",
        PLAIN,
        chosen={"diffusion_model": f"{Q11}_fp8mixed.safetensors"},
        words=("is not in models/diffusion_models. Download it from https://huggingface.co/", "auto takes"),
    ),
    "a step LoRA that is cut off": Row(
        "qwen-edit",
        {**PLAIN, EIGHT: made("qwen lora", cut=True)},
        chosen={"lora": EIGHT.removeprefix(LORA) + ".safetensors"},
        words=("taken for the LoRA of Qwen-Image-Edit 2511, Lightning 8 steps, is cut off",),
    ),
    "a step LoRA": Row(
        "qwen-edit",
        {
            **PLAIN,
            LIGHTNING: "qwen lora",
            LORA + "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16": "qwen lora",
        },
        f"{Q11}_bf16",
        "qwen-edit-2511-lightning-8",
        chosen={"lora": "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16.safetensors"},
    ),
}

ROWS = {
    f"{group}: {name}": row
    for group, rows in {
        "official": OFFICIAL,
        "fewer images": FEWER_IMAGES,
        "community": COMMUNITY,
        "quantised": QUANTISED,
        "choice": CHOICE,
        "merged": MERGED,
        "broken": BROKEN,
        "not ours": NOT_OURS,
        "chosen": CHOSEN,
    }.items()
    for name, row in rows.items()
}


def _shelf(folder: Path, row: Row) -> Shelf:
    rest = {name: made for name, made in RESTS[row.model].items() if name not in row.without}
    for name, spec in {**rest, **row.files}.items():
        architecture, kind, options = (spec, "bf16", {}) if isinstance(spec, str) else spec
        write_weights(folder / f"{name}.safetensors", architecture, kind, **options)
    listed = {
        each: sorted(
            path.relative_to(folder / each).as_posix() for path in (folder / each).rglob("*.safetensors")
        )
        for each in PART_FOLDERS.values()
    }
    parts = {part for profile in load_profiles() for part in profile.parts.values()}

    def inspect(where: str, name: str) -> FileFacts:
        return inspect_weights(folder / where / name, parts)

    return Shelf(listed, inspect, row.chosen)


def test_the_matrix_is_as_large_as_it_has_to_be() -> None:
    assert len(ROWS) >= 60


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_a_file_is_taken_or_the_message_says_why(row: Row, tmp_path: Path) -> None:
    shelf = _shelf(tmp_path, row)
    if not row.taken:
        with pytest.raises(ModelUnavailable) as caught:
            select_profile(row.model, shelf, row.memory * GB)
        assert all(words in caught.value.message for words in row.words), caught.value.message
        return
    selection = select_profile(row.model, shelf, row.memory * GB)
    assert selection.profile.id == row.profile
    assert selection.files["diffusion_model"] == f"{row.taken}.safetensors"
    notes = "\n".join(selection.notes)
    assert all(words in notes for words in row.words), notes
