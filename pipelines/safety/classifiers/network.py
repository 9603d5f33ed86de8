"""A classifier that is a network with its weights."""

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
from .views import square_views
from .weight_files import FileState, file_state, load_weights

VIEWS_AT_ONCE = 8
_LOADING = threading.Lock()

TensorMap = Mapping[str, Tensor]
DevicePlacement = Callable[[TensorMap], Callable[[], TensorMap]]
"""Takes weights as they were read, and gives what hands them out on the device that shall judge."""


def on_the_processor(weights: TensorMap) -> Callable[[], TensorMap]:
    """The `DevicePlacement` without any device but the CPU."""
    return lambda: weights


@dataclass(frozen=True, eq=False)
class Network:
    """The code of a network.

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
    """A network that is ready, as a `Classifier`."""

    network: Network
    weights: Callable[[], TensorMap] = field(repr=False)
    name: str
    sha256: str
    levels: tuple[str, ...]
    rules: Mapping[Preset, tuple[Rule, ...]]

    def scores(self, images: Tensor, tiles: bool = False) -> Tensor:
        """float [B, H, W, 3] -> float32 [B, L]: the highest scores of a picture's views.

        Besides a chunk of views one picture at a time is on the device.
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
    """Views [V, 3, S, S] of one picture after the other -> [up to 8, 3, S, S], made as they are needed."""
    each = itertools.chain.from_iterable(views)
    while chunk := list(itertools.islice(each, VIEWS_AT_ONCE)):
        yield torch.stack(chunk)


def load_classifier(
    known: ClassifierSpec,
    network: Network,
    path: Path,
    allowed: tuple[str, ...] = (),
    place: DevicePlacement = on_the_processor,
) -> NetworkClassifier:
    """The classifier whose weights are in a file: read and checked on first use and when the file changes.

    Args:
        allowed: sha256 of files that the user trusts besides the known one.
        place: called once with the weights; a function that is no other at each call, as it is cached by.

    Raises:
        ClassifierMissing: the file cannot be read.
        WeightsMismatch: it is not one that may be loaded.
    """
    state = file_state(path, known)
    with _LOADING:
        return _load(state, known.name, network, (known.sha256, *allowed), place)


@lru_cache(maxsize=len(CLASSIFIERS))
def _load(
    state: FileState, name: str, network: Network, allowed: tuple[str, ...], place: DevicePlacement
) -> NetworkClassifier:
    known = CLASSIFIERS[name]
    weights, sha256 = load_weights(state.path, known, allowed, network.shapes)
    return NetworkClassifier(network, place(weights), name, sha256, known.levels, known.rules)
