"""The EVA-02 of Freepik/nsfw_image_detector: timm's eva02_base_patch14_448 with four classes.

Y. Fang et al., EVA-02: A Visual Representation for Neon Genesis, https://arxiv.org/abs/2303.11331. Rotary
positions in two dimensions, a gated feed-forward part with a normalisation, the mean of the patches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from .network import Network
from .transformer import (
    Shapes,
    TensorMap,
    attend,
    embed_tokens,
    layer_norm,
    linear,
    linear_shapes,
    norm_shapes,
    split_heads,
    token_shapes,
)

_TEMPERATURE = 10_000.0
_TRAINED_GRID = 16  # patches a side of the pretraining; positions are counted in its steps

# CLIP's, https://github.com/openai/CLIP
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class Eva02:
    """The sizes of an EVA-02: input and patch in pixels, tokens and the feed-forward part in channels."""

    side: int
    patch: int
    width: int
    hidden: int
    depth: int
    heads: int
    classes: int

    def shapes(self) -> Shapes:
        """Return the shape of every tensor of the weights file."""
        shapes = token_shapes(self.width, self.patch, self.side)
        for block in range(self.depth):
            name = f"blocks.{block}"
            shapes |= norm_shapes(f"{name}.norm1", self.width)
            for part in ("q_proj", "v_proj", "proj"):
                shapes |= linear_shapes(f"{name}.attn.{part}", self.width, self.width)
            shapes |= {f"{name}.attn.k_proj.weight": (self.width, self.width)}  # a key has no bias
            shapes |= norm_shapes(f"{name}.norm2", self.width)
            for part in ("fc1_g", "fc1_x"):
                shapes |= linear_shapes(f"{name}.mlp.{part}", self.hidden, self.width)
            shapes |= norm_shapes(f"{name}.mlp.norm", self.hidden)
            shapes |= linear_shapes(f"{name}.mlp.fc2", self.width, self.hidden)
        return shapes | norm_shapes("fc_norm", self.width) | linear_shapes("head", self.classes, self.width)

    def logits(self, weights: TensorMap, x: Tensor) -> Tensor:
        """Run the network on normalised images [N, 3, side, side] -> [N, classes]."""
        x = embed_tokens(weights, x, self.patch)
        waves = _waves(self.side // self.patch, self.width // self.heads).to(x)
        for block in range(self.depth):
            name = f"blocks.{block}"
            x = x + self._attention(weights, f"{name}.attn", layer_norm(weights, f"{name}.norm1", x), waves)
            x = x + _gated(weights, f"{name}.mlp", layer_norm(weights, f"{name}.norm2", x))
        return linear(weights, "head", layer_norm(weights, "fc_norm", x[:, 1:].mean(1)))

    def _attention(self, weights: TensorMap, name: str, x: Tensor, waves: Tensor) -> Tensor:
        query, key, value = (
            split_heads(linear(weights, f"{name}.{part}_proj", x), self.heads) for part in "qkv"
        )
        mixed = attend(_rotate(query, waves), _rotate(key, waves), value)
        return linear(weights, f"{name}.proj", mixed)


def _gated(weights: TensorMap, name: str, x: Tensor) -> Tensor:
    gate = functional.silu(linear(weights, f"{name}.fc1_g", x))
    y = layer_norm(weights, f"{name}.norm", gate * linear(weights, f"{name}.fc1_x", x))
    return linear(weights, f"{name}.fc2", y)


@lru_cache(maxsize=2)
def _waves(grid: int, channels: int) -> Tensor:
    """Sine and cosine of every patch's position, [2, 1 + grid^2, channels]; the class token is not rotated.

    A quarter of the channels are frequencies, for the row and then for the column, each for a pair.
    """
    frequencies = _TEMPERATURE ** -(torch.arange(channels // 4) / (channels // 4))
    steps = torch.arange(grid) * (_TRAINED_GRID / grid)
    places = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)  # row, column
    angles = (places[..., None] * frequencies).view(grid * grid, -1).repeat_interleave(2, dim=1)
    angles = functional.pad(angles, (0, 0, 1, 0))
    return torch.stack([angles.sin(), angles.cos()])


def _rotate(x: Tensor, waves: Tensor) -> Tensor:
    """Rotate each pair of channels by its angle."""
    even, odd = x[..., ::2], x[..., 1::2]
    return x * waves[1] + torch.stack([-odd, even], dim=-1).flatten(-2) * waves[0]


FREEPIK = Eva02(side=448, patch=14, width=768, hidden=2048, depth=12, heads=12, classes=4)


def _probabilities(weights: TensorMap, views: Tensor) -> Tensor:
    """Its classes are neutral, low, medium and high."""
    mean, deviation = (views.new_tensor(values).view(3, 1, 1) for values in (_MEAN, _DEVIATION))
    return at_least(FREEPIK.logits(weights, (views - mean) / deviation))


def at_least(logits: Tensor) -> Tensor:
    """Turn graded classes [N, G] into the probability of each grade but the first, or a higher one."""
    return logits.softmax(1)[:, 1:].flip(1).cumsum(1).flip(1).clamp(max=1)


# On two busy cores one operation takes over a second with eight views; with two, a view takes as long in all.
NETWORK = Network(FREEPIK.side, _probabilities, FREEPIK.shapes(), views_at_once=2)
