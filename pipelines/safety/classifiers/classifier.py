"""The protocol of a classifier, and several classifiers as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..policy import PRESETS, Preset, Rule

if TYPE_CHECKING:
    from torch import Tensor


class Classifier(Protocol):
    """Scores images; safe mode decides.

    Attributes:
        name: for the report.
        sha256: of the weights file, lower-case hex.
        levels: what it tells apart, such as `low`, `medium` and `high`.
        rules: by preset; an image that reaches any one of a preset's rules is not safe.
    """

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def levels(self) -> tuple[str, ...]: ...

    @property
    def rules(self) -> Mapping[Preset, tuple[Rule, ...]]: ...

    def scores(self, images: Tensor, tiles: bool = False) -> Tensor:
        """Score float [B, H, W, 3], 0..1, sRGB -> float [B, L]: 0 (below the level) .. 1 (at least it).

        An image's scores do not depend on the others of the batch. A RuntimeError, or a score that is
        not finite, means that the image could not be classified. `tiles` is the policy's.
        """
        ...


ClassifierLoader = Callable[[], Classifier]
"""Gives a classifier that is ready, or raises ClassifierMissing or WeightsMismatch."""


@dataclass(frozen=True)
class EnsembleClassifier:
    """Several classifiers as one: an image that any of them flags is unsafe.

    Its levels are theirs, as `light.nsfw`; none of them can clear what another one flags.
    """

    parts: Sequence[Classifier]

    @property
    def name(self) -> str:
        return "+".join(part.name for part in self.parts)

    @property
    def sha256(self) -> str:
        return "+".join(part.sha256 for part in self.parts)

    @property
    def levels(self) -> tuple[str, ...]:
        return tuple(f"{part.name}.{level}" for part in self.parts for level in part.levels)

    @property
    def rules(self) -> Mapping[Preset, tuple[Rule, ...]]:
        rules: dict[Preset, tuple[Rule, ...]] = dict.fromkeys(PRESETS, ())
        for part in self.parts:
            for preset, own in part.rules.items():
                rules[preset] += tuple(rule._replace(level=f"{part.name}.{rule.level}") for rule in own)
        return rules

    def scores(self, images: Tensor, tiles: bool = False) -> Tensor:
        import torch

        return torch.cat([part.scores(images, tiles) for part in self.parts], dim=1)
