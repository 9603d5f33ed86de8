"""Load the classifiers that the settings name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import eva02, mobilenet_v2, open_nsfw, vit
from .classifier import Classifier, ClassifierLoader
from .network import (
    DevicePlacement,
    Network,
    NetworkClassifier,
    NetworkEnsemble,
    keep_on_cpu,
    load_classifier,
)
from .specs import CLASSIFIERS
from .store import Store

NETWORKS: Mapping[str, Network] = {
    "open_nsfw": open_nsfw.NETWORK,
    "nsfwjs": mobilenet_v2.NETWORK,
    "light": vit.NETWORK,
    "recommended": eva02.NETWORK,
}


def classifier_loader(
    names: Sequence[str], store: Store, place: DevicePlacement = keep_on_cpu
) -> ClassifierLoader:
    """Return what loads these classifiers; several form an ensemble, in which any may flag.

    Args:
        place: where the weights are kept and used; see `load_classifier`.
    """

    def load() -> Classifier:
        parts = [load_known(name, store, place) for name in names]
        return parts[0] if len(parts) == 1 else NetworkEnsemble(parts)

    return load


def load_known(name: str, store: Store, place: DevicePlacement = keep_on_cpu) -> NetworkClassifier:
    """Load a classifier by its name. Raises what `load_classifier` raises."""
    spec = CLASSIFIERS[name]
    return load_classifier(spec, NETWORKS[name], store.path(spec), store.allowed, place)
