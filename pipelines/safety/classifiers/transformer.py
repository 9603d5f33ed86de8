"""Compute the layers of a vision transformer from tensors by name, as timm 1.0 names them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

_EPSILON = 1e-6

TensorMap = Mapping[str, Tensor]
Shapes = dict[str, tuple[int, ...]]


def linear(weights: TensorMap, name: str, x: Tensor) -> Tensor:
    """Apply the matrix of `name` and, where the network has one, its bias."""
    return functional.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def layer_norm(weights: TensorMap, name: str, x: Tensor) -> Tensor:
    """Normalise the last dimension."""
    return functional.layer_norm(
        x, x.shape[-1:], weights[f"{name}.weight"], weights[f"{name}.bias"], _EPSILON
    )


def embed_tokens(weights: TensorMap, x: Tensor, patch: int) -> Tensor:
    """Embed [N, 3, S, S] -> [N, 1 + (S / patch)^2, width]: the class token, then the patches row by row."""
    x = functional.conv2d(x, weights["patch_embed.proj.weight"], weights["patch_embed.proj.bias"], patch)
    x = x.flatten(2).transpose(1, 2)
    return torch.cat([weights["cls_token"].expand(len(x), -1, -1), x], dim=1) + weights["pos_embed"]


def split_heads(x: Tensor, heads: int) -> Tensor:
    """Split [N, T, width] -> [N, heads, T, width / heads]."""
    return x.view(*x.shape[:2], heads, -1).transpose(1, 2)


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Compute attention of [N, heads, T, C] -> [N, T, heads * C]."""
    return functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def linear_shapes(name: str, out: int, into: int) -> Shapes:
    """Return the shapes of a matrix and its bias."""
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def norm_shapes(name: str, width: int) -> Shapes:
    """Return the shapes of a layer normalisation."""
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def token_shapes(width: int, patch: int, side: int) -> Shapes:
    """Return the shapes that `embed_tokens` needs."""
    return {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + (side // patch) ** 2, width),
        "patch_embed.proj.weight": (width, 3, patch, patch),
        "patch_embed.proj.bias": (width,),
    }
