"""What safe mode asks of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Classifier(Protocol):
    """Scores pictures; safe mode decides.

    Attributes:
        name: for the report.
        sha256: of the weights file, lower-case hex.
        threshold: the score from which on a picture is not safe, where the request has no other.
    """

    @property
    def name(self) -> str: ...

    @property
    def sha256(self) -> str: ...

    @property
    def threshold(self) -> float: ...

    def scores(self, images: Tensor) -> Tensor:
        """float [B, H, W, 3], 0..1, sRGB -> float [B], 0 (safe) .. 1 (not safe).

        A picture's score does not depend on the others of the batch. A RuntimeError, or a score that is
        not finite, means that the picture could not be judged.
        """
        ...


ClassifierLoader = Callable[[], Classifier]
"""Gives a classifier that is ready, or raises ClassifierMissing or WeightsMismatch."""
