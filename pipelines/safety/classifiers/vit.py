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
    attend,
    embed_tokens,
    layer_norm,
    linear,
    linear_shapes,
    norm_shapes,
    split_heads,
    token_shapes,
)


@dataclass(frozen=True)
class Vit:
    """The sizes of a ViT: input and patch in pixels, tokens in channels."""

    side: int
    patch: int
    width: int
    depth: int
    heads: int
    classes: int

    def shapes(self) -> Shapes:
        """Return the shape of every tensor of the weights file."""
        shapes = token_shapes(self.width, self.patch, self.side)
        for block in range(self.depth):
            name = f"blocks.{block}"
            shapes |= norm_shapes(f"{name}.norm1", self.width)
            shapes |= linear_shapes(f"{name}.attn.qkv", 3 * self.width, self.width)
            shapes |= linear_shapes(f"{name}.attn.proj", self.width, self.width)
            shapes |= norm_shapes(f"{name}.norm2", self.width)
            shapes |= linear_shapes(f"{name}.mlp.fc1", 4 * self.width, self.width)
            shapes |= linear_shapes(f"{name}.mlp.fc2", self.width, 4 * self.width)
        return shapes | norm_shapes("norm", self.width) | linear_shapes("head", self.classes, self.width)

    def logits(self, weights: TensorMap, x: Tensor) -> Tensor:
        """Run the network on normalised images [N, 3, side, side] -> [N, classes]."""
        x = embed_tokens(weights, x, self.patch)
        for block in range(self.depth):
            name = f"blocks.{block}"
            x = x + self._attention(weights, f"{name}.attn", layer_norm(weights, f"{name}.norm1", x))
            y = linear(weights, f"{name}.mlp.fc1", layer_norm(weights, f"{name}.norm2", x))
            x = x + linear(weights, f"{name}.mlp.fc2", functional.gelu(y))
        return linear(weights, "head", layer_norm(weights, "norm", x[:, 0]))

    def _attention(self, weights: TensorMap, name: str, x: Tensor) -> Tensor:
        query, key, value = linear(weights, f"{name}.qkv", x).chunk(3, dim=2)
        mixed = attend(*(split_heads(part, self.heads) for part in (query, key, value)))
        return linear(weights, f"{name}.proj", mixed)


MARQO = Vit(side=384, patch=16, width=192, depth=12, heads=3, classes=2)


def _probabilities(weights: TensorMap, views: Tensor) -> Tensor:
    return MARQO.logits(weights, views * 2 - 1).softmax(1)[:, :1]  # its classes: NSFW, SFW


NETWORK = Network(MARQO.side, _probabilities, MARQO.shapes())
