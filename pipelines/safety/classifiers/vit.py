"""The vision transformer of Marqo/nsfw-image-detection-384: timm's vit_tiny_patch16_384 with two classes.

A. Dosovitskiy et al., An Image is Worth 16x16 Words, https://arxiv.org/abs/2010.11929.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from .network import Network
from .transformer import (
    Shapes,
    TensorMap,
    attended,
    heads_of,
    linear,
    normed,
    of_norm,
    of_tokens,
    tokens,
    with_bias,
)


@dataclass(frozen=True)
class Vit:
    """The sizes of one: input and patch in pixels, tokens in channels."""

    side: int
    patch: int
    width: int
    depth: int
    heads: int
    classes: int

    def shapes(self) -> Shapes:
        """Every tensor of the weights file with its shape."""
        shapes = of_tokens(self.width, self.patch, self.side)
        for block in range(self.depth):
            name = f"blocks.{block}"
            shapes |= of_norm(f"{name}.norm1", self.width)
            shapes |= with_bias(f"{name}.attn.qkv", 3 * self.width, self.width)
            shapes |= with_bias(f"{name}.attn.proj", self.width, self.width)
            shapes |= of_norm(f"{name}.norm2", self.width)
            shapes |= with_bias(f"{name}.mlp.fc1", 4 * self.width, self.width)
            shapes |= with_bias(f"{name}.mlp.fc2", self.width, 4 * self.width)
        return shapes | of_norm("norm", self.width) | with_bias("head", self.classes, self.width)

    def logits(self, weights: TensorMap, x: Tensor) -> Tensor:
        """Normalised pictures [N, 3, side, side] -> [N, classes]."""
        x = tokens(weights, x, self.patch)
        for block in range(self.depth):
            name = f"blocks.{block}"
            x = x + self._attention(weights, f"{name}.attn", normed(weights, f"{name}.norm1", x))
            y = linear(weights, f"{name}.mlp.fc1", normed(weights, f"{name}.norm2", x))
            x = x + linear(weights, f"{name}.mlp.fc2", functional.gelu(y))
        return linear(weights, "head", normed(weights, "norm", x[:, 0]))

    def _attention(self, weights: TensorMap, name: str, x: Tensor) -> Tensor:
        query, key, value = linear(weights, f"{name}.qkv", x).chunk(3, dim=2)
        mixed = attended(*(heads_of(part, self.heads) for part in (query, key, value)))
        return linear(weights, f"{name}.proj", mixed)


MARQO = Vit(side=384, patch=16, width=192, depth=12, heads=3, classes=2)


def _probabilities(weights: TensorMap, views: Tensor) -> Tensor:
    return MARQO.logits(weights, views * 2 - 1).softmax(1)[:, :1]  # its classes: NSFW, SFW


NETWORK = Network(MARQO.side, _probabilities, MARQO.shapes())
