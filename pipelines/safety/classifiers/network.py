"""Run a network with its weights as a classifier."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from ..policy import Preset, Rule
from .specs import CLASSIFIERS, ClassifierSpec
from .transformer import TensorMap
from .views import square_views
from .weight_files import FileState, file_state, load_weights

VIEWS_AT_ONCE = 8
_LOADING = threading.Lock()

DevicePlacement = Callable[[TensorMap], Callable[[], TensorMap]]
"""Takes weights as they were read; returns what gives them on the device that runs the network."""


def keep_on_cpu(weights: TensorMap) -> Callable[[], TensorMap]:
    """Leave the weights on the CPU: the default `DevicePlacement`."""
    return lambda: weights


@dataclass(frozen=True, eq=False)
class Network:
    """A network without its weights.

    Attributes:
        side: of its square input, in pixels.
        probabilities: from weights and views [N, 3, side, side], 0..1, to scores [N, L].
        shapes: of every tensor in the weights file, by name.
    """

    side: int
    probabilities: Callable[[TensorMap, Tensor], Tensor]
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)


@dataclass(frozen=True, eq=False)
class NetworkClassifier:
    """A `Classifier` that runs a network."""

    network: Network
    weights: Callable[[], TensorMap] = field(repr=False)
    name: str
    sha256: str
    levels: tuple[str, ...]
    rules: Mapping[Preset, tuple[Rule, ...]]

    def scores(self, images: Tensor, tiles: bool = False) -> Tensor:
        """Score float [B, H, W, 3] -> float32 [B, L]: the highest scores of an image's views.

        Besides a chunk of views one image at a time is on the device.
        """
        with torch.inference_mode():
            weights = self.weights()
            device = next(iter(weights.values())).device
            views = (
                square_views(image.to(device, torch.float32), self.network.side, tiles)[0]
                for image in torch.split(images, 1)
            )
            found = torch.cat([self.network.probabilities(weights, chunk) for chunk in _chunks(views)])
            return found.view(len(images), -1, found.shape[1]).amax(1).to(images.device)


def _chunks(views: Iterable[Tensor]) -> Iterator[Tensor]:
    """Group views [V, 3, S, S] of one image after the other -> [up to 8, 3, S, S], as they are needed."""
    each = itertools.chain.from_iterable(views)
    while chunk := list(itertools.islice(each, VIEWS_AT_ONCE)):
        yield torch.stack(chunk)


def load_classifier(
    spec: ClassifierSpec,
    network: Network,
    path: Path,
    allowed: tuple[str, ...] = (),
    place: DevicePlacement = keep_on_cpu,
) -> NetworkClassifier:
    """Load a classifier from a weights file: read and checked on first use and when the file changes.

    Args:
        allowed: sha256 of files that the user trusts besides the spec's.
        place: called once with the weights; part of the cache key, so pass the same function each time.

    Raises:
        ClassifierMissing: the file cannot be read.
        WeightsMismatch: its sha256 is not an allowed one.
    """
    state = file_state(path, spec)
    with _LOADING:
        return _load(state, spec.name, network, (spec.sha256, *allowed), place)


@lru_cache(maxsize=len(CLASSIFIERS))
def _load(
    state: FileState, name: str, network: Network, allowed: tuple[str, ...], place: DevicePlacement
) -> NetworkClassifier:
    spec = CLASSIFIERS[name]
    weights, sha256 = load_weights(state.path, spec, allowed, network.shapes)
    return NetworkClassifier(network, place(weights), name, sha256, spec.levels, spec.rules)
