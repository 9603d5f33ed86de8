"""Run a network with its weights as a classifier."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import Tensor

from ...common.threads import in_parallel
from ..policy import Preset, Rule
from .classifier import EnsembleClassifier
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
        views_at_once: as many as it takes together. A cancel is heard between two operations, so that none
            may take long.
    """

    side: int
    probabilities: Callable[[TensorMap, Tensor], Tensor]
    shapes: Mapping[str, tuple[int, ...]] = field(repr=False)
    views_at_once: int = VIEWS_AT_ONCE


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
        return score_together([self], images, tiles)


@dataclass(frozen=True)
class NetworkEnsemble(EnsembleClassifier):
    """Several networks as one classifier: those of the same input side look at the same views."""

    parts: Sequence[NetworkClassifier]

    def scores(self, images: Tensor, tiles: bool = False) -> Tensor:
        """Score float [B, H, W, 3] -> float32 [B, L], one network after the other."""
        return score_together(self.parts, images, tiles)


def score_together(parts: Sequence[NetworkClassifier], images: Tensor, tiles: bool) -> Tensor:
    """Return the levels of all parts side by side. Views that several take are made once.

    On the CPU the parts run at the same time, each on a thread of ours: torch's own threads wait for each
    other after every layer, which beside other programs takes many times as long as the layer.
    """
    sides = [part.network.side for part in parts]
    kept: dict[int, list[Tensor]] = {}
    found: list[Tensor | Callable[[], Tensor]] = []
    with torch.inference_mode():
        for part, side in zip(parts, sides, strict=True):
            weights = part.weights()
            device = next(iter(weights.values())).device
            views: Iterable[Tensor] = kept.get(side) or _views(images, side, tiles, device)
            if sides.count(side) > 1 and side not in kept:
                run = in_parallel if device.type == "cpu" else map
                (kept[side],) = run(list[Tensor], [views])
                views = kept[side]
            job = partial(_part_scores, part, weights, views, images)
            found.append(job if device.type == "cpu" else job())
        jobs = [each for each in found if not isinstance(each, Tensor)]
        scores = iter(in_parallel(lambda job: job(), jobs))
        return torch.cat([each if isinstance(each, Tensor) else next(scores) for each in found], dim=1)


def _part_scores(
    part: NetworkClassifier, weights: TensorMap, views: Iterable[Tensor], images: Tensor
) -> Tensor:
    chunks = _chunks(views, part.network.views_at_once)
    scores = torch.cat([part.network.probabilities(weights, chunk) for chunk in chunks])
    return scores.view(len(images), -1, scores.shape[1]).amax(1).to(images.device)


def _views(images: Tensor, side: int, tiles: bool, device: torch.device) -> Iterator[Tensor]:
    """Yield the views of each image, on the device of the weights."""
    for image in torch.split(images, 1):
        yield square_views(image.to(device, torch.float32), side, tiles)[0]


def _chunks(views: Iterable[Tensor], most: int) -> Iterator[Tensor]:
    """Group views [V, 3, S, S] of one image after the other -> [up to most, 3, S, S], as they are needed."""
    each = itertools.chain.from_iterable(views)
    while chunk := list(itertools.islice(each, most)):
        # Convolutions on a CPU are up to twice as fast where the channels of a pixel lie together.
        yield torch.stack(chunk).contiguous(memory_format=torch.channels_last)


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
