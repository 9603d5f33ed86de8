"""Make tests/safety/parity.json: what timm and transformers answer with weights made by a formula.

    python -m venv reference && reference/bin/pip install torch torchvision timm transformers
    reference/bin/python scripts/make_parity_vectors.py tests/safety/parity.json

The networks of safe mode are compared with these answers in tests/safety/test_parity.py, and where the two
packages are installed with the packages themselves. The formula needs no random numbers, so the weights are
the same everywhere; they mean nothing, which is what keeps the answers from hiding a difference.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# Each case: the sizes as pipelines/safety/classifiers/vit.py and eva02.py have them.
TINY_VIT = {"side": 64, "patch": 16, "width": 48, "depth": 3, "heads": 3, "classes": 2}
TINY_EVA02 = {"side": 84, "patch": 14, "width": 64, "hidden": 160, "depth": 3, "heads": 2, "classes": 4}
MARQO = {"side": 384, "patch": 16, "width": 192, "depth": 12, "heads": 3, "classes": 2}
FREEPIK = {"side": 448, "patch": 14, "width": 768, "hidden": 2048, "depth": 12, "heads": 12, "classes": 4}
CASES = {"vit": (TINY_VIT, MARQO), "eva02": (TINY_EVA02, FREEPIK)}
STORED = {"vit": (TINY_VIT, MARQO), "eva02": (TINY_EVA02,)}  # the large one takes seconds


def weights_of(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Scattered numbers in whole arithmetic: matrices of a gain near 1, norms near 1, the rest near 0."""
    made = {}
    for number, (name, shape) in enumerate(sorted(shapes.items()), start=1):
        count = torch.Size(shape).numel()
        steps = torch.arange(count, dtype=torch.int64)
        scattered = (steps * (steps + number) % 65_521 * 40_503 + steps * 2_654_435_761) % 2**24
        centred = (scattered.float() / 2**23 - 1).view(shape)
        centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        made[name] = centre + centred * (0.3 if len(shape) == 1 else 2.0 / (count / shape[0]) ** 0.5)
    return made


def pictures(side: int) -> Tensor:
    """Two normalised pictures [2, 3, side, side], -1..1."""
    y, x, channel = (torch.arange(n, dtype=torch.float32) for n in (side, side, 3))
    angle = 0.9 * channel.view(3, 1, 1) + 0.07 * y.view(1, -1, 1) + 0.05 * x.view(1, 1, -1)
    return torch.stack([torch.sin(angle), torch.sin(2.3 * angle + 1)])


def by_timm(kind: str, sizes: Mapping[str, int]) -> torch.nn.Module:
    """timm's network of these sizes."""
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer

    common: dict[str, Any] = {
        "img_size": sizes["side"],
        "patch_size": sizes["patch"],
        "embed_dim": sizes["width"],
        "depth": sizes["depth"],
        "num_heads": sizes["heads"],
        "num_classes": sizes["classes"],
    }
    if kind == "vit":
        return VisionTransformer(**common).eval()
    rotary = {"use_rot_pos_emb": True, "ref_feat_shape": (16, 16), "qkv_fused": False}
    ratio = sizes["hidden"] / sizes["width"]
    return Eva(**common, **rotary, swiglu_mlp=True, scale_mlp=True, mlp_ratio=ratio).eval()


def named(kind: str) -> torch.nn.Module:
    """timm's network by the name that its users load."""
    import timm

    name = {"vit": "vit_tiny_patch16_384", "eva02": "eva02_base_patch14_448"}[kind]
    model: torch.nn.Module = timm.create_model(name, num_classes=CASES[kind][1]["classes"]).eval()
    return model


def by_transformers(sizes: Mapping[str, int], weights: Mapping[str, Tensor]) -> Callable[[Tensor], Tensor]:
    """The logits of transformers' ViT (5.x) with the same weights under its own names."""
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=sizes["width"],
        num_hidden_layers=sizes["depth"],
        num_attention_heads=sizes["heads"],
        intermediate_size=4 * sizes["width"],
        image_size=sizes["side"],
        patch_size=sizes["patch"],
        num_labels=sizes["classes"],
        layer_norm_eps=1e-6,
    )
    model = ViTForImageClassification(config).eval()
    model.load_state_dict(_renamed(weights))
    return lambda x: model(x).logits  # type: ignore[no-any-return]


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in weights.items():
        for own, theirs in _OF_TRANSFORMERS.items():
            name = re.sub(own, theirs, name)
        if "qkv" in name:
            parts = zip("qkv", tensor.chunk(3), strict=True)
            renamed |= {name.replace("qkv", f"{part}_proj"): of_part for part, of_part in parts}
        else:
            renamed[name] = tensor
    return renamed


_OF_TRANSFORMERS = {
    "^cls_token": "vit.embeddings.cls_token",
    "^pos_embed": "vit.embeddings.position_embeddings",
    "^patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
    "^blocks": "vit.layers",
    "attn.proj": "attention.o_proj",
    "attn.qkv": "attention.qkv",
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "^norm": "vit.layernorm",
    "^head": "classifier",
}


def answers() -> dict[str, list[dict[str, Any]]]:
    """The logits of each stored case, by the kind of network."""
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, cases in STORED.items():
        for sizes in cases:
            model = by_timm(kind, sizes)
            shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
            model.load_state_dict(weights_of(shapes))
            with torch.inference_mode():
                logits = model(pictures(sizes["side"])).tolist()
            found.setdefault(kind, []).append({"sizes": sizes, "logits": logits})
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="Make tests/safety/parity.json.")
    parser.add_argument("output", type=Path)
    output: Path = parser.parse_args().output
    import timm

    made = {"made_with": f"timm {timm.__version__}, torch {torch.__version__}", **answers()}
    output.write_text(json.dumps(made, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
