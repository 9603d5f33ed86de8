"""Tiny random weights on ComfyUI's real classes, laid out and named as the releases are.

Run by ComfyUI's own Python: `python tiny_models.py --comfyui HOME FOLDER` fills FOLDER as a `models` folder.
The stock loaders take them where the custom node `tiny_shim` lets these read widths from the file. Every file
has a seed of its own, made from its name, so the same file comes out whatever else is written.
"""

from __future__ import annotations

import argparse
import base64
import json
import math
import shutil
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

State = dict[str, Any]

# Widths of the text encoders. tiny_shim knows the Qwen3 of klein 4B from that of 9B by them.
NARROW, WIDE = 16, 24
VISION = 64
BOOGU_HEAD = 120
HEAD = 128  # of the attention heads that ComfyUI has in its code
QWEN_VOCABULARY = 151936  # as many as ComfyUI's own tokenizer knows; the larger part of every Qwen encoder

# What a model has at any width.
WAN_VAE: dict[str, Any] = {
    "z_dim": 16,
    "dim_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_scales": [],
    "temperal_downsample": [False, True, True],
    "image_channels": 3,
    "conv_out_channels": 3,
    "dropout": 0.0,
}
FLUX2: dict[str, Any] = {
    "in_channels": 128,
    "out_channels": 128,
    "vec_in_dim": None,
    "mlp_ratio": 3.0,
    "axes_dim": [32] * 4,
    "theta": 2000,
    "patch_size": 1,
    "qkv_bias": False,
    "txt_ids_dims": [3],
    "global_modulation": True,
    "mlp_silu_act": True,
    "ops_bias": False,
    "default_ref_method": "index",
    "ref_index_scale": 10.0,
}
FLUX1: dict[str, Any] = {
    "out_channels": 16,
    "mlp_ratio": 4.0,
    "axes_dim": [16, 56, 56],
    "theta": 10000,
    "patch_size": 2,
    "qkv_bias": True,
}
FLUX1_VAE: dict[str, Any] = {
    "double_z": True,
    "z_channels": 16,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [],
    "dropout": 0.0,
}
FLUX2_VAE: dict[str, Any] = {
    "double_z": True,
    "z_channels": 32,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [],
    "dropout": 0.0,
    "batch_norm_latent": True,
}


def weights(state: State, name: str) -> State:
    """The same tensors in bfloat16 with random values that keep activations near 1."""
    import torch

    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def value(key: str, tensor: Any) -> Any:
        made = random_like(key, tensor, generator)
        return made.to(torch.bfloat16) if made.is_floating_point() else made

    return {key: value(key, tensor) for key, tensor in state.items()}


def random_like(key: str, tensor: Any, generator: Any) -> Any:
    """Values for one tensor of a model, in float32 on the generator's device; integers are 0."""
    import torch

    device = generator.device
    if not tensor.is_floating_point():
        return torch.zeros(tensor.shape, dtype=tensor.dtype, device=device)
    if key.endswith(("gamma", "running_var")) or (tensor.ndim == 1 and key.endswith(("weight", "scale"))):
        return torch.ones(tensor.shape, device=device)
    if tensor.ndim < 2:
        return torch.zeros(tensor.shape, device=device)
    gain = math.prod(tensor.shape[1:]) ** -0.5
    return torch.randn(tensor.shape, generator=generator, device=device).mul_(gain)


def qwen_edit(name: str, timestep_zero: bool = False, layered: bool = False) -> State:
    """Qwen-Image-Edit and FireRed; `timestep_zero` is the mark of 2511, `layered` is Qwen-Image-Layered."""
    import comfy.ops
    import torch
    from comfy.ldm.qwen_image.model import QwenImageTransformer2DModel

    model = QwenImageTransformer2DModel(
        num_layers=2,
        num_attention_heads=1,
        joint_attention_dim=NARROW,
        use_additional_t_cond=layered,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    mark = {"__index_timestep_zero__": torch.zeros(0, dtype=torch.bfloat16)} if timestep_zero else {}
    return weights(model.state_dict(), name) | mark


def qwen_encoder(name: str) -> State:
    """Qwen2.5-VL 7B; four key and value heads tell ComfyUI that it is one."""
    import comfy.ops
    import torch
    from comfy.text_encoders.llama import Llama2_, Qwen25_7BVLI_Config
    from comfy.text_encoders.qwen_vl import Qwen2VLVisionTransformer

    build: State = {"device": "cpu", "dtype": torch.bfloat16, "ops": comfy.ops.disable_weight_init}
    config = Qwen25_7BVLI_Config(
        hidden_size=NARROW,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
    )
    vision = Qwen2VLVisionTransformer(
        hidden_size=VISION, output_hidden_size=NARROW, intermediate_size=64, num_layers=2, **build
    )
    state = _under("model.", Llama2_(config, **build)) | _under("visual.", vision)
    return weights(state, name)


def qwen_vae(name: str, channels: int = 3) -> State:
    """With four channels it is that of Qwen-Image-Layered."""
    from comfy.ldm.wan.vae import WanVAE

    return weights(
        WanVAE(dim=4, **{**WAN_VAE, "image_channels": channels, "conv_out_channels": channels}).state_dict(),
        name,
    )


def qwen_all_in_one(name: str) -> State:
    """DiT, text encoder and VAE in one file, under the prefixes of ComfyUI's checkpoints."""
    parts = {
        "model.diffusion_model.": qwen_edit(name),
        "text_encoders.qwen25_7b.transformer.": qwen_encoder(name),
        "vae.": qwen_vae(name),
    }
    return {prefix + key: tensor for prefix, state in parts.items() for key, tensor in state.items()}


def flux2(name: str, encoder: int = NARROW, guidance: bool = False) -> State:
    """FLUX.2: klein without, dev with guidance; its text width is three taps of the text encoder."""
    import comfy.ops
    import torch
    from comfy.ldm.flux.model import Flux

    model = Flux(
        **FLUX2,
        context_in_dim=3 * encoder,
        hidden_size=HEAD,
        num_heads=1,
        depth=1,
        depth_single_blocks=1,
        guidance_embed=guidance,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    return weights(model.state_dict(), name)


def flux1(name: str, channels: int = 16) -> State:
    """FLUX.1: Kontext has 16 channels, Fill 96, with the base, and the mask at its own resolution."""
    more = {"in_channels": channels, "vec_in_dim": NARROW, "guidance_embed": True, "txt_ids_dims": []}
    return _flux(name, FLUX1 | more)


def longcat(name: str) -> State:
    """A FLUX.1 without guidance and without a second text encoder."""
    more = {"in_channels": 16, "vec_in_dim": None, "guidance_embed": False, "txt_ids_dims": [1, 2]}
    return _flux(name, FLUX1 | more)


def _flux(name: str, sizes: dict[str, Any]) -> State:
    import comfy.ops
    import torch
    from comfy.ldm.flux.model import Flux

    model = Flux(
        **sizes,
        context_in_dim=NARROW,
        hidden_size=HEAD,
        num_heads=1,
        depth=1,
        depth_single_blocks=1,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    return weights(model.state_dict(), name)


def boogu(name: str) -> State:
    """One head, of the 28 with 7 for the keys."""
    import comfy.ops
    import torch
    from comfy.ldm.boogu.model import BooguTransformer2DModel

    model = BooguTransformer2DModel(
        hidden_size=BOOGU_HEAD,
        num_layers=1,
        num_double_stream_layers=1,
        num_refiner_layers=1,
        num_attention_heads=1,
        num_kv_heads=1,
        instruction_feat_dim=WIDE,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    return weights(model.state_dict(), name)


def t5_encoder(name: str) -> State:
    """T5 XXL, of whose 24 layers the last one tells ComfyUI what it is."""
    import comfy.ops
    import torch
    from comfy.text_encoders.t5 import T5

    config = {
        "d_model": NARROW,
        "d_ff": 64,
        "d_kv": 64,
        "num_heads": 1,
        "num_layers": 24,
        "dense_act_fn": "gelu_pytorch_tanh",
        "is_gated_act": True,
        "model_type": "t5",
        "vocab_size": 32128,
    }
    return weights(T5(config, torch.bfloat16, "cpu", comfy.ops.disable_weight_init).state_dict(), name)


def clip_encoder(name: str) -> State:
    """CLIP-L, whose last state of a text goes into every layer of FLUX.1."""
    import comfy.ops
    import torch
    from comfy.clip_model import CLIPTextModel

    config = {
        "hidden_size": NARROW,
        "intermediate_size": 64,
        "num_attention_heads": 1,
        "num_hidden_layers": 12,
        "hidden_act": "quick_gelu",
        "eos_token_id": 49407,
        "vocab_size": 49408,
        "max_position_embeddings": 77,
    }
    model = CLIPTextModel(config, torch.bfloat16, "cpu", comfy.ops.disable_weight_init)
    state = weights(model.state_dict(), name)
    return {key: tensor for key, tensor in state.items() if not key.startswith("text_projection")}


def flux1_vae(name: str) -> State:
    """32 channels, the narrowest that its group norms take."""
    from comfy.ldm.models.autoencoder import AutoencodingEngine

    part = "comfy.ldm.modules.diffusionmodules.model."
    params = {**FLUX1_VAE, "ch": 32}
    vae = AutoencodingEngine(
        regularizer_config={"target": "comfy.ldm.models.autoencoder.DiagonalGaussianRegularizer"},
        encoder_config={"target": part + "Encoder", "params": params},
        decoder_config={"target": part + "Decoder", "params": params},
    )
    return weights(vae.state_dict(), name)


def qwen3_encoder(name: str, width: int) -> State:
    """The text encoder of klein, with as many layers as the last of its three taps needs."""
    return _language_model(name, "Qwen3_4BConfig", "model.", width, 28, QWEN_VOCABULARY)


def mistral_encoder(name: str) -> State:
    """The text encoder of dev in its published, pruned length, with its tokenizer as a tensor."""
    import torch

    ranks = range(256)
    control = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "<pad>")
    tokenizer = {
        "config": {"default_num_special_tokens": 16, "default_vocab_size": 272},
        "vocab": [{"rank": n, "token_bytes": base64.b64encode(bytes([n])).decode()} for n in ranks],
        "special_tokens": [{"rank": rank, "token_str": token} for rank, token in enumerate(control)],
    }
    tekken = torch.frombuffer(bytearray(json.dumps(tokenizer).encode()), dtype=torch.uint8)
    state = _language_model(name, "Mistral3Small24BConfig", "model.", NARROW, 30, 272, final_norm=False)
    return state | {"tekken_model": tekken}


def qwen3_vl_encoder(name: str, kind: str = "Qwen3VL_4BConfig", width: int = NARROW) -> State:
    """Qwen3-VL: the 4B, which Mage-Flow reads, or the 8B, which Boogu does."""
    import comfy.ops
    import torch
    from comfy.text_encoders.qwen3vl import QWEN3VL_VISION_COMMON, Qwen3VLVisionModel

    config = {
        **QWEN3VL_VISION_COMMON,
        "hidden_size": VISION,
        "intermediate_size": 64,
        "depth": 2,
        "deepstack_visual_indexes": [0, 1],
        "out_hidden_size": width,
    }
    vision = Qwen3VLVisionModel(config, device="cpu", dtype=torch.bfloat16, ops=comfy.ops.disable_weight_init)
    language = _language_model(name, kind, "model.language_model.", width, 3, QWEN_VOCABULARY)
    return language | weights(_under("model.visual.", vision), name)


def flux2_vae(name: str) -> State:
    """32 channels, the narrowest that its group norms take."""
    from comfy.ldm.models.autoencoder import AutoencoderKL

    return weights(AutoencoderKL(embed_dim=32, ddconfig={**FLUX2_VAE, "ch": 32}).state_dict(), name)


def mage(name: str) -> State:
    import comfy.ops
    import torch
    from comfy.ldm.mage_flow.model import MageFlowTransformer2DModel

    model = MageFlowTransformer2DModel(
        num_layers=2,
        num_attention_heads=1,
        joint_attention_dim=NARROW,
        dtype=torch.float32,
        device="cpu",
        operations=comfy.ops.disable_weight_init,
    )
    return weights(model.state_dict(), name)


def mage_vae(name: str) -> State:
    from comfy.ldm.mage_flow.vae import DConvDenoiser, DConvEncoder

    encoder = DConvEncoder(hidden_size=32, num_blocks=1, head_size=32, num_head_blocks=1)
    decoder = DConvDenoiser(hidden_size=32, hidden_size_x=8, num_blocks=2, num_cond_blocks=1)
    state = _under("student.dconv_encoder.", encoder) | _under("pipeline.", decoder)
    return weights(state, name)


def lora(name: str, target: Callable[[str], State], prefix: str, down: str, up: str) -> State:
    """A LoRA of rank 2 on every attention weight of a model, strong enough to show in eight bits."""
    import torch

    layers = {key: tensor for key, tensor in target(name).items() if tensor.ndim == 2 and "attn" in key}
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    state: State = {}
    for key, tensor in layers.items():
        layer, (rows, columns) = prefix + key.removesuffix(".weight"), tensor.shape
        state[f"{layer}.{down}.weight"] = torch.randn(2, columns, generator=generator) * columns**-0.5
        state[f"{layer}.{up}.weight"] = torch.randn(rows, 2, generator=generator)
        state[f"{layer}.alpha"] = torch.tensor(2.0)
    return {key: tensor.to(torch.bfloat16) for key, tensor in state.items()}


def _under(prefix: str, module: Any) -> State:
    return {prefix + key: tensor for key, tensor in module.state_dict().items()}


def _language_model(
    name: str, config: str, prefix: str, width: int, layers: int, vocabulary: int, **options: Any
) -> State:
    import comfy.ops
    import torch
    from comfy.text_encoders import llama

    widths = getattr(llama, config)(
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=1,
        num_key_value_heads=1,
        vocab_size=vocabulary,
        **options,
    )
    model = llama.Llama2_(widths, device="cpu", dtype=torch.bfloat16, ops=comfy.ops.disable_weight_init)
    return weights(_under(prefix, model), name)


lightning = partial(lora, target=qwen_edit, prefix="", down="lora_down", up="lora_up")
style = partial(lora, prefix="diffusion_model.", down="lora_A", up="lora_B")
turbo = partial(style, target=flux2)

FILES: dict[str, Callable[[str], State]] = {
    "diffusion_models/qwen_image_edit_2511_bf16": partial(qwen_edit, timestep_zero=True),
    "diffusion_models/qwen_image_edit_2509_bf16": qwen_edit,
    "diffusion_models/FireRed-Image-Edit-1.1-transformer": qwen_edit,
    "diffusion_models/flux-2-klein-4b-fp8": flux2,
    "diffusion_models/flux-2-klein-base-4b-fp8": flux2,
    "diffusion_models/flux-2-klein-9b-kv-fp8": partial(flux2, encoder=WIDE),
    "diffusion_models/flux2_dev_fp8mixed": partial(flux2, guidance=True),
    "diffusion_models/mage_flow_edit_turbo_bf16": mage,
    "diffusion_models/mage_flow_edit_bf16": mage,
    "diffusion_models/qwen_image_edit_fp8_e4m3fn": qwen_edit,
    "diffusion_models/qwen_image_layered_bf16": partial(qwen_edit, layered=True),
    "diffusion_models/flux1-dev-kontext_fp8_scaled": flux1,
    "diffusion_models/flux1-fill-dev": partial(flux1, channels=96),
    "diffusion_models/longcat_image_edit_bf16": longcat,
    "diffusion_models/boogu_image_edit_fp8_scaled": boogu,
    "checkpoints/Qwen-Rapid-AIO-NSFW-v23": qwen_all_in_one,
    "text_encoders/qwen_2.5_vl_7b_fp8_scaled": qwen_encoder,
    "text_encoders/qwen_3_4b": partial(qwen3_encoder, width=NARROW),
    "text_encoders/qwen_3_8b_fp8mixed": partial(qwen3_encoder, width=WIDE),
    "text_encoders/mistral_3_small_flux2_bf16": mistral_encoder,
    "text_encoders/qwen3vl_4b_bf16": qwen3_vl_encoder,
    "text_encoders/qwen3vl_8b_fp8_scaled": partial(qwen3_vl_encoder, kind="Qwen3VL_8BConfig", width=WIDE),
    "text_encoders/t5xxl_fp16": t5_encoder,
    "text_encoders/clip_l": clip_encoder,
    "vae/ae": flux1_vae,
    "vae/qwen_image_vae": qwen_vae,
    "vae/qwen_image_layered_vae": partial(qwen_vae, channels=4),
    "vae/flux2-vae": flux2_vae,
    "vae/mage_flow_vae_bf16": mage_vae,
    "loras/Qwen-Image-Edit-2511-Lightning-4steps-V1.0-bf16": lightning,
    "loras/Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16": lightning,
    "loras/Qwen-Image-Edit-2509-Lightning-4steps-V1.0-bf16": lightning,
    "loras/Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16": lightning,
    "loras/Qwen-Image-Edit-Lightning-4steps-V1.0-bf16": lightning,
    "loras/FireRed-Image-Edit-1.0-Lightning-8steps-v1.0": lightning,
    "loras/Flux_2-Turbo-LoRA_comfyui": turbo,
    "loras/mage_flow_style": partial(style, target=mage),
    "loras/flux1_style": partial(style, target=flux1),
    "loras/longcat_style": partial(style, target=longcat),
    "loras/boogu_style": partial(style, target=boogu),
}


def break_files(models: Path, folder: Path) -> None:
    """Lay out, in another `models` folder, three Qwen files that are not what their names say.

    The diffusion model of 2509 is cut off in the middle, that of 2511 is a FLUX.2, the VAE is FLUX.2's.
    """
    wrong = {
        "diffusion_models/qwen_image_edit_2509_bf16": "diffusion_models/qwen_image_edit_2509_bf16",
        "diffusion_models/qwen_image_edit_2511_bf16": "diffusion_models/flux-2-klein-4b-fp8",
        "vae/qwen_image_vae": "vae/flux2-vae",
    }
    for name, source in wrong.items():
        path = folder / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(models / f"{source}.safetensors", path)
        if name == source:
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--comfyui", type=Path, required=True)
    options = arguments.parse_args()
    sys.path.insert(0, str(options.comfyui))
    from comfy.cli_args import args

    args.cpu = True  # before anything looks for a GPU
    from safetensors.torch import save_file

    for name, build in FILES.items():
        path = options.folder / f"{name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(build(name), path)


if __name__ == "__main__":
    main()
