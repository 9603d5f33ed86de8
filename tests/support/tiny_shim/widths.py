"""Widths that ComfyUI has in its code, read from the file where that is narrower than any release.

Every change is made while a loader runs and only for such a file, so a real checkpoint loads as without it.
The text encoders' language models go through ComfyUI's own `<name>_model_config` options.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from unittest.mock import patch

import comfy.ldm.mage_flow.vae as mage_vae
import comfy.model_detection
import comfy.sd
import comfy.supported_models
import torch
from comfy.sd import TEModel
from comfy.text_encoders import qwen3vl, qwen_vl

State = Mapping[str, torch.Tensor]

NARROW = 512  # no release is
NARROWEST = 16
HEAD = 128
BOOGU_HEAD = 120
ENCODERS = ("qwen25_7b", "qwen3_4b", "qwen3_8b", "qwen3vl_4b", "qwen3vl_8b", "mistral3_24b")
# What ComfyUI tells by widths: what it takes a file for, has query norms, its width: what it is.
KINDS = {
    (TEModel.LLAMA3_8, True, 16): TEModel.QWEN3_4B,
    (TEModel.LLAMA3_8, True, 24): TEModel.QWEN3_8B,
    (TEModel.LLAMA3_8, False, 16): TEModel.MISTRAL3_24B_PRUNED_FLUX2,
    (TEModel.QWEN3VL_8B, True, 16): TEModel.QWEN3VL_4B,
}


def read_widths_from_files() -> None:
    """Put the reading in front of ComfyUI's own detection and constructors."""
    detection, sd = comfy.model_detection, comfy.sd
    detection.detect_unet_config = _diffusion_model(detection.detect_unet_config)
    sd.detect_te_model = _kind_of_encoder(sd.detect_te_model)
    sd.CLIP.__init__ = _text_encoder(sd.CLIP.__init__)
    sd.VAE.__init__ = _vae(sd.VAE.__init__)
    known = comfy.supported_models.models  # the first that fits is taken, be it a more general one
    known.insert(known.index(comfy.supported_models.LongCatImage), NarrowLongCat)


class NarrowLongCat(comfy.supported_models.LongCatImage):
    """What ComfyUI takes for LongCat, at a width of text that no release has."""

    unet_config: ClassVar[dict[str, Any]] = {
        **comfy.supported_models.LongCatImage.unet_config,
        "context_in_dim": NARROWEST,
    }


def _diffusion_model(detect: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(detect)
    def detected(state: State, prefix: str, metadata: Any = None) -> Any:
        config = detect(state, prefix, metadata=metadata)
        if config is None or config.get("image_model") not in ("qwen_image", "flux", "boogu"):
            return config
        if config["image_model"] == "boogu":
            keys = state[prefix + "single_stream_layers.0.attn.to_k.weight"].shape[0]
            heads = {"num_attention_heads": config["hidden_size"] // BOOGU_HEAD}
            return config | heads | {"num_kv_heads": keys // BOOGU_HEAD}
        if config["image_model"] == "flux":
            longcat = config["vec_in_dim"] is None and config["context_in_dim"] == NARROWEST
            return config | {"txt_ids_dims": [1, 2]} if longcat else config
        text, inner = state[prefix + "txt_norm.weight"].shape[0], state[prefix + "img_in.weight"].shape[0]
        if text >= NARROW:
            return config
        if state[prefix + "proj_out.weight"].shape[0] == config["in_channels"] == 128:
            kept = {key: config[key] for key in ("in_channels", "num_layers")}
            config = {"image_model": "mage_flow", **kept}
        return config | {"num_attention_heads": inner // HEAD, "joint_attention_dim": text}

    return detected


def _kind_of_encoder(detect: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(detect)
    def detected(state: State) -> Any:
        found = detect(state)
        norm = next((key for key in state if key.endswith("layers.0.post_attention_layernorm.weight")), None)
        if norm is None:
            return found
        normed = norm.replace("post_attention_layernorm", "self_attn.q_norm") in state
        return KINDS.get((found, normed, state[norm].shape[0]), found)

    return detected


def _text_encoder(build: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(build)
    def built(clip: Any, *arguments: Any, **options: Any) -> None:
        states = options.get("state_dict", [])
        if isinstance(states, list) and len(states) > 1:
            asked = {name: value for state in states for name, value in _one_of_two(state).items()}
            build(clip, *arguments, **options | {"model_options": options.get("model_options", {}) | asked})
            return
        state = states[0] if isinstance(states, list) and states else states
        embedding = next((key for key in state if key.endswith("model.embed_tokens.weight")), None)
        if embedding is None or state[embedding].shape[1] >= NARROW:
            build(clip, *arguments, **options)
            return
        config = _language_model(state, embedding.removesuffix("embed_tokens.weight"))
        asked = {f"{name}_model_config": config for name in ENCODERS}
        options["model_options"] = {**options.get("model_options", {}), **asked}
        with _vision(state, embedding.removesuffix("model.embed_tokens.weight") + "visual."):
            build(clip, *arguments, **options)

    return built


def _one_of_two(state: State) -> dict[str, dict[str, int]]:
    """The options of one of FLUX.1's two text encoders."""
    if "shared.weight" in state:
        gate = state["encoder.block.0.layer.1.DenseReluDense.wi_1.weight"].shape
        heads = state["encoder.block.0.layer.0.SelfAttention.q.weight"].shape[0] // 64
        return {"t5xxl_model_config": {"d_ff": gate[0], "d_model": gate[1], "num_heads": heads}}
    hidden = state["text_model.encoder.layers.0.mlp.fc1.weight"].shape
    sizes = {"intermediate_size": hidden[0], "hidden_size": hidden[1]}
    return {"clip_l_model_config": {**sizes, "num_attention_heads": max(1, hidden[1] // 64)}}


def _language_model(state: State, prefix: str) -> dict[str, int]:
    first = prefix + "layers.0."
    vocabulary, width = state[prefix + "embed_tokens.weight"].shape
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": state[first + "mlp.gate_proj.weight"].shape[0],
        "num_hidden_layers": _count(state, prefix + "layers."),
        "num_attention_heads": state[first + "self_attn.q_proj.weight"].shape[0] // HEAD,
        "num_key_value_heads": state[first + "self_attn.k_proj.weight"].shape[0] // HEAD,
    }


@contextmanager
def _vision(state: State, prefix: str) -> Iterator[None]:
    """Both vision towers have their sizes in the code that builds them."""
    if prefix + "patch_embed.proj.weight" not in state:
        yield
        return
    width, layers = state[prefix + "patch_embed.proj.weight"].shape[0], _count(state, prefix + "blocks.")
    mlp = next(name for name in ("gate_proj", "linear_fc1") if f"{prefix}blocks.0.mlp.{name}.weight" in state)
    inner = state[f"{prefix}blocks.0.mlp.{mlp}.weight"].shape[0]
    second = qwen_vl.Qwen2VLVisionTransformer
    taps = range(_count(state, prefix + "deepstack_merger_list."))
    third = {"hidden_size": width, "intermediate_size": inner, "depth": layers}
    third["deepstack_visual_indexes"] = list(taps)

    def narrow(**options: Any) -> Any:
        sizes = {"hidden_size": width, "intermediate_size": inner, "num_layers": layers}
        return second(**options | sizes)

    with (
        patch.object(qwen_vl, "Qwen2VLVisionTransformer", narrow),
        patch.dict(qwen3vl.QWEN3VL_VISION, qwen3vl_4b=third, qwen3vl_8b=third),
    ):
        yield


def _vae(build: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(build)
    def built(vae: Any, sd: State, *arguments: Any, **options: Any) -> None:
        with _flux_vae(sd), _mage_vae(sd):
            build(vae, sd, *arguments, **options)

    return built


@contextmanager
def _flux_vae(state: State) -> Iterator[None]:
    """ComfyUI reads the width of the decoder, but not that of the encoder."""
    if "encoder.conv_in.weight" not in state:
        yield
        return
    width, kind, plain = (
        state["encoder.conv_in.weight"].shape[0],
        comfy.sd.AutoencoderKL,
        comfy.sd.AutoencodingEngine,
    )

    def narrow(ddconfig: dict[str, Any], **options: Any) -> Any:
        return kind(ddconfig={**ddconfig, "ch": width}, **options)

    def narrow_plain(encoder_config: dict[str, Any], **options: Any) -> Any:
        params = {**encoder_config["params"], "ch": width}
        return plain(encoder_config={**encoder_config, "params": params}, **options)

    with (
        patch.object(comfy.sd, "AutoencoderKL", narrow),
        patch.object(comfy.sd, "AutoencodingEngine", narrow_plain),
    ):
        yield


@contextmanager
def _mage_vae(state: State) -> Iterator[None]:
    encoder, decoder = "student.dconv_encoder.", "pipeline."
    if encoder + "proj_out.weight" not in state:
        yield
        return
    hidden, head = state[encoder + "proj_down.weight"].shape[:2]
    blocks = _count(state, decoder + "blocks.")
    sizes_in = {
        "hidden_size": hidden,
        "num_blocks": _count(state, encoder + "blocks."),
        "head_size": head,
        "num_head_blocks": _count(state, encoder + "head_blocks."),
    }
    sizes_out = {
        "hidden_size": hidden,
        "hidden_size_x": state[decoder + "dec_net.input_proj.weight"].shape[0],
        "num_blocks": blocks + _count(state, decoder + "dec_net.res_blocks."),
        "num_cond_blocks": blocks,
    }
    with (
        patch.object(mage_vae, "DConvEncoder", functools.partial(mage_vae.DConvEncoder, **sizes_in)),
        patch.object(mage_vae, "DConvDenoiser", functools.partial(mage_vae.DConvDenoiser, **sizes_out)),
    ):
        yield


def _count(state: State, prefix: str) -> int:
    return len({key[len(prefix) :].split(".")[0] for key in state if key.startswith(prefix)})
