"""A classifier whose decisions can be predicted by eye, and those that are part of the package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PRESETS = ("strict", "default", "loose")


def redness(images: Any) -> Any:
    """The mean of the red channel of each image, [B, 1]."""
    return images[..., 0].mean((1, 2))[:, None]


def rules_of(level: str, **thresholds: float) -> Mapping[str, Any]:
    """One rule for each preset; 0.5 where none is given."""
    from multiedit.pipelines.safety.policy import Rule

    return {preset: (Rule(level, thresholds.get(preset, 0.5)),) for preset in PRESETS}


@dataclass
class StandIn:
    """Scores by `answer`, from [B, H, W, 3] to [B, L]; the shapes that it was given are in `seen`."""

    answer: Callable[[Any], Any] = redness
    name: str = "by-red"
    sha256: str = "0" * 64
    levels: tuple[str, ...] = ("nsfw",)
    rules: Mapping[str, Any] = field(default_factory=lambda: rules_of("nsfw"))
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def scores(self, images: Any, tiles: bool = False) -> Any:
        self.seen.append(tuple(images.shape))
        return self.answer(images)


def fixed(score: float | Exception, name: str = "fixed") -> StandIn:
    """Gives every image one score, or raises."""

    def answer(images: Any) -> Any:
        if isinstance(score, Exception):
            raise score
        return images.new_full((len(images), 1), score)

    return StandIn(answer, name)


def default_classifier() -> Any:
    """Load the classifiers that are part of the package, which together are the default."""
    from multiedit.pipelines.safety.classifiers.loader import classifier_loader
    from multiedit.pipelines.safety.classifiers.specs import EMBEDDED
    from multiedit.pipelines.safety.classifiers.store import Store

    return classifier_loader(EMBEDDED, Store(()))()


def embedded_file(name: str) -> Path:
    """The weights of a classifier that is part of the package."""
    from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS, EMBEDDED_FOLDER

    return EMBEDDED_FOLDER / CLASSIFIERS[name].file


def load_open_nsfw(path: Path | None = None) -> Any:
    """Load open_nsfw, from another file where one is given."""
    from multiedit.pipelines.safety.classifiers.network import load_classifier
    from multiedit.pipelines.safety.classifiers.open_nsfw import NETWORK
    from multiedit.pipelines.safety.classifiers.specs import CLASSIFIERS

    return load_classifier(CLASSIFIERS["open_nsfw"], NETWORK, path or embedded_file("open_nsfw"))
