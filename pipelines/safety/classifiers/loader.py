"""From the settings to a classifier that is ready."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import eva02, open_nsfw, vit
from .classifier import Classifier, ClassifierLoader, EnsembleClassifier
from .network import DevicePlacement, Network, load_classifier, on_the_processor
from .specs import CLASSIFIERS
from .store import Store

NETWORKS: Mapping[str, Network] = {
    "open_nsfw": open_nsfw.NETWORK,
    "light": vit.NETWORK,
    "recommended": eva02.NETWORK,
}


def classifier_loader(
    names: Sequence[str], store: Store, place: DevicePlacement = on_the_processor
) -> ClassifierLoader:
    """What loads the known classifiers of these names; several judge together, and any of them may flag.

    Args:
        place: where the weights are kept and judge; see `load_classifier`.
    """

    def load() -> Classifier:
        parts = [load_known(name, store, place) for name in names]
        return parts[0] if len(parts) == 1 else EnsembleClassifier(parts)

    return load


def load_known(name: str, store: Store, place: DevicePlacement = on_the_processor) -> Classifier:
    """One of them. Raises what `load_classifier` raises."""
    known = CLASSIFIERS[name]
    return load_classifier(known, NETWORKS[name], store.path(known), store.allowed, place)
