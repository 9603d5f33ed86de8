"""The MobileNetV2 of nsfwjs: it tells pornographic photographs and drawings from harmless ones.

M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, https://arxiv.org/abs/1801.04381,
1.4 times as wide, as the npm package nsfwjs 4.4.0 has it ("MobileNetV2Mid"): batch normalisation folded into
the convolutions, weights of 8 bits. docs/safety-evidence.md has what is known of its accuracy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional

from .network import Network
from .specs import CLASSIFIERS
from .transformer import Shapes, TensorMap
from .weight_files import with_ranges

SIDE = 224
CLASSES = ("drawing", "hentai", "neutral", "porn", "sexy")
_LEVELS = [CLASSES.index(level) for level in CLASSIFIERS["nsfwjs"].levels]

_STEM, _HEAD = 48, 1792  # channels after the first convolution and after the last
# (channels, blocks, stride of the first block) of each stage.
_STAGES = ((24, 1, 1), (32, 2, 2), (48, 3, 2), (88, 4, 2), (136, 3, 1), (224, 3, 2), (448, 1, 1))
_EXPANSION = 6


class _Block(NamedTuple):
    name: str
    into: int
    inner: int
    out: int
    stride: int


def _blocks() -> Iterator[_Block]:
    into, number = _STEM, 0
    for out, count, stride in _STAGES:
        for index in range(count):
            inner = into * (_EXPANSION if number else 1)
            yield _Block(f"block{number}", into, inner, out, stride if index == 0 else 1)
            into, number = out, number + 1


def classes(weights: TensorMap, x: Tensor) -> Tensor:
    """Run the network on views [N, 3, 224, 224], RGB 0..1 -> [N, 5], the probability of each of `CLASSES`."""
    x = _convolve(weights, "Conv", x * 2 - 1, stride=2).clamp_(0, 6)
    for block in _blocks():
        x = _residual(weights, block, x)
    x = _convolve(weights, "Conv_1", x).clamp_(0, 6)
    x = functional.linear(x.mean((2, 3)), weights["dense.weight"], weights["dense.bias"])
    return x.softmax(1)


def _residual(weights: TensorMap, block: _Block, x: Tensor) -> Tensor:
    y = x
    if block.inner != block.into:
        y = _convolve(weights, f"{block.name}.expand", y).clamp_(0, 6)
    y = _convolve(weights, f"{block.name}.depthwise", y, block.stride, groups=block.inner).clamp_(0, 6)
    y = _convolve(weights, f"{block.name}.project", y)
    return x + y if block.stride == 1 and block.into == block.out else y


def _convolve(weights: TensorMap, name: str, x: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolve with TensorFlow's padding: of an even side at stride 2 at the right and the bottom only."""
    kernel = weights[f"{name}.weight"]
    padding = kernel.shape[2] // 2
    if stride == 2:
        x, padding = functional.pad(x, (0, 1, 0, 1)), 0
    return functional.conv2d(x, kernel, weights[f"{name}.bias"], stride, padding, groups=groups)


def _shapes() -> Shapes:
    """Return the shape of every tensor of the weights file."""
    kernels = {"Conv": (_STEM, 3, 3, 3), "Conv_1": (_HEAD, _STAGES[-1][0], 1, 1)}
    for name, into, inner, out, _ in _blocks():
        if inner != into:
            kernels[f"{name}.expand"] = (inner, into, 1, 1)
        kernels[f"{name}.depthwise"] = (inner, 1, 3, 3)
        kernels[f"{name}.project"] = (out, inner, 1, 1)
    shapes: Shapes = {"dense.weight": (len(CLASSES), _HEAD), "dense.bias": (len(CLASSES),)}
    for name, kernel in kernels.items():
        shapes |= {f"{name}.weight": kernel, f"{name}.bias": kernel[:1]}
    return with_ranges(shapes)


def _probabilities(weights: TensorMap, views: Tensor) -> Tensor:
    return classes(weights, views)[:, _LEVELS]


NETWORK = Network(SIDE, _probabilities, _shapes())
