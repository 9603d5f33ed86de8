"""Weights files that are nothing but a header: names, shapes and types as the published ones have them.

The data is a hole in the file, so that a file of 40 GB takes a few kilobytes of the disk.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path

Shapes = dict[str, tuple[int, ...]]

_BYTES = {"F32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1}


def _qwen(layers: int = 60, **more: tuple[int, ...]) -> Shapes:
    blocks = {
        f"transformer_blocks.{n}.attn.{end}": shape
        for n in range(layers)
        for end, shape in {"norm_added_k.weight": (128,), "to_k.weight": (3072, 3072)}.items()
    }
    return {"txt_norm.weight": (3584,), "img_in.weight": (3072, 64), **blocks, **more}


def _flux2(width: int, double: int, guidance: bool = False) -> Shapes:
    blocks = {f"double_blocks.{n}.img_attn.proj.weight": (width, width) for n in range(double)}
    scales: Shapes = {"double_blocks.0.img_attn.norm.key_norm.scale": (128,)}
    modulation = ("double_stream_modulation_img.lin.weight", "single_stream_modulation.lin.weight")
    more: Shapes = {"guidance_in.in_layer.weight": (width, 256)} if guidance else {}
    return {
        "img_in.weight": (width, 128),
        **dict.fromkeys(modulation, (width, 64)),
        **blocks,
        **scales,
        **more,
    }


def _flux1(channels: int, text: int = 4096, plain: bool = False) -> Shapes:
    two: Shapes = (
        {}
        if plain
        else {"vector_in.in_layer.weight": (3072, 768), "guidance_in.in_layer.weight": (3072, 256)}
    )
    blocks = {f"double_blocks.{n}.img_attn.proj.weight": (3072, 3072) for n in range(19)}
    return {"img_in.weight": (3072, channels), "txt_in.weight": (3072, text), **two, **blocks}


def _t5(bias: int = 1, inner: int = 10240) -> Shapes:
    shapes: Shapes = {"shared.weight": (32128, 4096)}
    for n in range(24):
        shapes[f"encoder.block.{n}.layer.1.DenseReluDense.wi_1.weight"] = (inner, 4096)
        if n < bias:
            shapes[f"encoder.block.{n}.layer.0.SelfAttention.relative_attention_bias.weight"] = (32, 64)
    return shapes


def _clip(width: int, layers: int) -> Shapes:
    shapes: Shapes = {"text_model.embeddings.position_embedding.weight": (77, width)}
    for n in range(layers):
        shapes[f"text_model.encoder.layers.{n}.mlp.fc1.weight"] = (4 * width, width)
    return shapes


def _language(width: int, layers: int = 36, prefix: str = "model.", norm: bool = True) -> Shapes:
    shapes: Shapes = {f"{prefix}embed_tokens.weight": (1000, width)}
    for n in range(layers):
        layer = f"{prefix}layers.{n}"
        shapes[f"{layer}.post_attention_layernorm.weight"] = (width,)
        shapes[f"{layer}.self_attn.q_proj.weight"] = (width, width)
        if norm:
            shapes[f"{layer}.self_attn.q_norm.weight"] = (128,)
    return shapes


def _qwen_25(width: int, keys: int) -> Shapes:
    vision: Shapes = {
        "visual.patch_embed.proj.weight": (1280, 3, 2, 14, 14),
        "visual.merger.ln_q.weight": (1280,),
    }
    return {**_language(width, 28, norm=False), "model.layers.0.self_attn.k_proj.bias": (keys,), **vision}


def _qwen_3_vl(width: int) -> Shapes:
    marks: Shapes = {"model.visual.deepstack_merger_list.0.norm.weight": (4096,)}
    return {**_language(width, 36, "model.language_model."), **marks}


def _wan_vae(channels: int = 3) -> Shapes:
    return {
        "encoder.conv1.weight": (96, channels, 3, 3, 3),
        "decoder.middle.0.residual.0.gamma": (384, 1, 1, 1),
        "decoder.head.0.gamma": (96, 1, 1, 1),
    }


def _kl_vae(decoder: int = 512, **more: tuple[int, ...]) -> Shapes:
    return {
        "encoder.conv_in.weight": (128, 3, 3, 3),
        "decoder.conv_in.weight": (decoder, 32, 3, 3),
        **more,
    }


def _lora(prefix: str) -> Shapes:
    return {f"{prefix}.lora_down.weight": (64, 3072), f"{prefix}.lora_up.weight": (3072, 64)}


NORM: Shapes = {"bn.running_mean": (128,)}
ARCHITECTURES: Mapping[str, Shapes] = {
    "qwen": _qwen(),
    "qwen 2511": {**_qwen(), "__index_timestep_zero__": (0,)},
    "qwen layered": {**_qwen(), "time_text_embed.addition_t_embedding.weight": (2, 3072)},
    "mage": _qwen(12),
    "klein 4B": _flux2(3072, 5),
    "klein 9B": _flux2(4096, 8),
    "dev": _flux2(6144, 8, guidance=True),
    "flux 1": {
        "img_in.weight": (3072, 64),
        "txt_in.weight": (3072, 4096),
        "vector_in.in_layer.weight": (3072, 768),
    },
    "kontext": _flux1(64),
    "fill": _flux1(384),
    "depth": _flux1(128),
    "longcat": _flux1(64, 3584, plain=True),
    "boogu": {
        "double_stream_layers.0.img_instruct_attn.processor.img_to_q.weight": (3360, 3360),
        "time_caption_embed.caption_embedder.0.weight": (4096,),
    },
    "omnigen": {"time_caption_embed.caption_embedder.0.weight": (2048,)},
    "wan": {"patch_embedding.weight": (5120, 16, 1, 2, 2), "blocks.0.self_attn.norm_k.weight": (5120,)},
    "unknown": {"blocks.0.attn.qkv.weight": (2048, 2048)},
    "qwen 2.5 7B": _qwen_25(3584, 512),
    "qwen 2.5 3B": _qwen_25(2048, 256),
    "qwen 3 4B": _language(2560),
    "qwen 3 8B": _language(4096),
    "qwen 3 0.6B": _language(1024, 28),
    "qwen 3 VL 4B": _qwen_3_vl(2560),
    "qwen 3 VL 8B": _qwen_3_vl(4096),
    "qwen 3.5 9B": {**_qwen_3_vl(4096), "model.language_model.layers.0.linear_attn.A_log": (32,)},
    "mistral": {**_language(5120, 30, norm=False), "tekken_model": (1000,)},
    "qwen vae": _wan_vae(),
    "layered vae": _wan_vae(4),
    "flux 2 vae": {**_kl_vae(), **NORM},
    "small flux 2 vae": {**_kl_vae(384), **NORM},
    "flux 1 vae": {**_kl_vae(), "decoder.conv_in.weight": (512, 16, 3, 3)},
    "sd vae": {
        "decoder.conv_in.weight": (512, 4, 3, 3),
        "encoder.conv_in.weight": (128, 3, 3, 3),
        "post_quant_conv.weight": (4, 4, 1, 1),
    },
    "t5": _t5(),
    "umt5": _t5(bias=24),
    "t5 xl": _t5(inner=5120),
    "clip l": _clip(768, 12),
    "clip g": _clip(1280, 32),
    "mage vae": {"student.dconv_encoder.proj_out.weight": (128, 256)},
    "qwen lora": _lora("transformer_blocks.0.attn.to_k"),
    "flux lora": _lora("diffusion_model.double_blocks.0.img_attn.proj"),
}
# The published types, as files of them look: type of the matrices, and what stands beside each.
_SCALES = {
    "fp8 scaled": ("F8_E4M3", {"weight_scale": "F32", "comfy_quant": "U8"}),
    "fp8 mixed": ("F8_E4M3", {"weight_scale": "F32", "comfy_quant": "U8"}),
    "fp8": ("F8_E4M3", {}),
    "mxfp8": ("F8_E4M3", {"weight_scale": "U8", "comfy_quant": "U8"}),
    "int8": ("I8", {"weight_scale": "F32", "comfy_quant": "U8"}),
    "nvfp4": ("U8", {"weight_scale": "F8_E4M3", "weight_scale_2": "F32", "comfy_quant": "U8"}),
    "bf16": ("BF16", {}),
    "fp16": ("F16", {}),
    "fp32": ("F32", {}),
    "nunchaku": ("I8", {}),
}  # fmt: skip


def write_weights(
    path: Path,
    architecture: str,
    quantisation: str = "bf16",
    *,
    prefix: str = "",
    metadata: Mapping[str, str] | None = None,
    gigabytes: float = 0.0,
    cut: bool = False,
) -> Path:
    """Write a file of an architecture.

    Args:
        gigabytes: that the file is long at least, by one more tensor; of 10^9 bytes.
        cut: the last byte is missing.
    """
    kind, scales = _SCALES[quantisation]
    tensors: list[tuple[str, str, tuple[int, ...]]] = []
    for count, (name, shape) in enumerate(ARCHITECTURES[architecture].items()):
        own = len(shape) > 1 and not (quantisation == "fp8 mixed" and count % 3 == 0)
        stem = name.removesuffix(".weight")
        if quantisation == "nunchaku" and own:
            tensors.append((f"{stem}.qweight", kind, shape))
        packed = (shape[0], shape[1] // 2) if quantisation == "nvfp4" and len(shape) == 2 else shape
        tensors.append((name, kind if own else "BF16", packed if own else shape))
        tensors += [(f"{stem}.{end}", scale, (1,)) for end, scale in scales.items() if own]
    if gigabytes:
        tensors.append(("more", kind, (round(gigabytes * 1e9) // _BYTES[kind],)))
    header: dict[str, object] = {"__metadata__": {"format": "pt", **(metadata or {})}}
    end = 0
    for name, dtype, shape in tensors:
        start, end = end, end + math.prod(shape) * _BYTES[dtype]
        header[prefix + name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end - cut)
    return path
