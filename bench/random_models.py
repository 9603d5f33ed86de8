"""Models of full size with random weights, in ComfyUI's own classes, through its own loaders, without files.

A loader gets tensors that have a release's names and shapes but no memory; afterwards every weight is filled
with random values, which are made on the device. So a model takes its own memory once, and no disk.
Tiny ones, for a machine without a GPU, are those of tests/support/tiny_models.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from support import load_package

load_package()

from multiedit.tests.support import tiny_models as tiny  # noqa: E402

State = dict[str, Any]


@dataclass(frozen=True)
class Parts:
    """What makes the tensors of each part; only their names, shapes and types are used.

    Attributes:
        clip_type: of the text encoder, as CLIPLoader has it.
    """

    clip_type: str
    diffusion_model: Callable[[], State]
    text_encoder: Callable[[], State]
    vae: Callable[[], State]

    def billions(self) -> str:
        """How many parameters each part has."""
        parts = {"diffusion model": self.diffusion_model, "text encoder": self.text_encoder, "VAE": self.vae}
        counts = {name: sum(tensor.numel() for tensor in make().values()) for name, make in parts.items()}
        return ", ".join(f"{name} {count / 1e9:.2f}" for name, count in counts.items())


@dataclass(frozen=True)
class Loaded:
    """ComfyUI's own objects."""

    model: Any
    clip: Any
    vae: Any


def load(parts: Parts, device: Any, fp8: bool) -> Loaded:
    """Load a model with random weights.

    Args:
        device: makes the random numbers; where the weights then lie is ComfyUI's choice.
        fp8: the diffusion model as UNETLoader's weight type fp8_e4m3fn_fast has it.
    """
    import comfy.sd
    import torch

    options = {"dtype": torch.float8_e4m3fn, "fp8_optimizations": True} if fp8 else {}
    model = comfy.sd.load_diffusion_model_state_dict(hollow(parts.diffusion_model()), options)
    kind = comfy.sd.CLIPType[parts.clip_type.upper()]
    clip = comfy.sd.load_text_encoder_state_dicts([hollow(parts.text_encoder())], clip_type=kind)
    vae = comfy.sd.VAE(sd=hollow(parts.vae()))
    stage = clip.cond_stage_model
    transformer = getattr(stage, stage.clip).transformer
    for module in (model.model.diffusion_model, transformer, vae.first_stage_model):
        fill(module, device)
    return Loaded(model, clip, vae)


def hollow(state: State) -> State:
    """Tensors of the same shapes, in bfloat16, that all share one number each."""
    import torch

    def one(tensor: Any) -> Any:
        return torch.zeros((), dtype=torch.bfloat16 if tensor.is_floating_point() else tensor.dtype)

    return {key: one(tensor).expand(tensor.shape) for key, tensor in state.items()}


def fill(module: Any, device: Any) -> None:
    """Give every weight random values, one after the other, wherever it lies."""
    import torch

    for key, tensor in module.state_dict().items():
        generator = torch.Generator(device).manual_seed(zlib.crc32(key.encode()))
        tensor.copy_(tiny.random_like(key, tensor, generator).to(tensor.dtype))


def qwen_edit() -> State:
    import comfy.ops
    import torch
    from comfy.ldm.qwen_image.model import QwenImageTransformer2DModel

    model = QwenImageTransformer2DModel(
        num_layers=60, dtype=torch.bfloat16, device="meta", operations=comfy.ops.disable_weight_init
    )
    return {**model.state_dict(), "__index_timestep_zero__": torch.zeros(0)}


def qwen_encoder() -> State:
    """Qwen2.5-VL 7B."""
    import comfy.ops
    import torch
    from comfy.text_encoders.llama import Llama2_, Qwen25_7BVLI_Config
    from comfy.text_encoders.qwen_vl import Qwen2VLVisionTransformer

    build: State = {"device": "meta", "dtype": torch.bfloat16, "ops": comfy.ops.disable_weight_init}
    config = Qwen25_7BVLI_Config()
    vision = Qwen2VLVisionTransformer(hidden_size=1280, output_hidden_size=config.hidden_size, **build)
    return _under("model.", Llama2_(config, **build)) | _under("visual.", vision)


def qwen_vae() -> State:
    import torch
    from comfy.ldm.wan.vae import WanVAE

    with torch.device("meta"):
        return WanVAE(dim=96, **tiny.WAN_VAE).state_dict()


def klein_4b() -> State:
    import comfy.ops
    import torch
    from comfy.ldm.flux.model import Flux

    model = Flux(
        **tiny.FLUX2,
        context_in_dim=3 * 2560,
        hidden_size=3072,
        num_heads=24,
        depth=5,
        depth_single_blocks=20,
        guidance_embed=False,
        dtype=torch.bfloat16,
        device="meta",
        operations=comfy.ops.disable_weight_init,
    )
    return model.state_dict()


def qwen3_4b() -> State:
    import comfy.ops
    import torch
    from comfy.text_encoders.llama import Llama2_, Qwen3_4BConfig

    model = Llama2_(Qwen3_4BConfig(), device="meta", dtype=torch.bfloat16, ops=comfy.ops.disable_weight_init)
    return _under("model.", model)


def flux2_vae() -> State:
    import torch
    from comfy.ldm.models.autoencoder import AutoencoderKL

    with torch.device("meta"):
        return AutoencoderKL(embed_dim=32, ddconfig={**tiny.FLUX2_VAE, "ch": 128}).state_dict()


def _under(prefix: str, module: Any) -> State:
    return {prefix + key: tensor for key, tensor in module.state_dict().items()}


FULL = {
    "Qwen-Image-Edit-2511": Parts("qwen_image", qwen_edit, qwen_encoder, qwen_vae),
    "FLUX.2 klein 4B": Parts("flux2", klein_4b, qwen3_4b, flux2_vae),
}
TINY = {
    "Qwen-Image-Edit-2511": Parts(
        "qwen_image",
        partial(tiny.qwen_edit, "model", timestep_zero=True),
        partial(tiny.qwen_encoder, "text encoder"),
        partial(tiny.qwen_vae, "vae"),
    ),
    "FLUX.2 klein 4B": Parts(
        "flux2",
        partial(tiny.flux2, "model"),
        partial(tiny.qwen3_encoder, "text encoder", tiny.NARROW),
        partial(tiny.flux2_vae, "vae"),
    ),
}
