"""Settings of safe mode's decision: preset, threshold, tiles, missing classifier. Without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from ..common.errors import InvalidRequest
from ..common.validation import describe

Preset = Literal["strict", "default", "loose"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
OnMissing = Literal["error", "blur_all"]
ON_MISSING: tuple[OnMissing, ...] = get_args(OnMissing)


class Rule(NamedTuple):
    """An image is not safe where its score for the level reaches the threshold."""

    level: str
    threshold: float


@dataclass(frozen=True)
class Policy:
    """The rules by which safe mode decides from a classifier's scores.

    Attributes:
        preset: which of the classifier's own rules count.
        threshold: 0..1, in place of those of the preset's rules; None leaves them.
        tiles: images over two megapixels are classified in four overlapping quarters as well.
        on_missing: without a classifier, `error` refuses the work before it begins, `blur_all` blurs.
        inputs: the images of a request are checked too, before the edit, and refused where they do not pass.
        always: safe mode is on, whatever a request says.

    Raises:
        InvalidRequest: the threshold is not within 0..1, or a name is unknown.
    """

    preset: Preset = "default"
    threshold: float | None = None
    tiles: bool = False
    on_missing: OnMissing = "error"
    inputs: bool = False
    always: bool = False

    def __post_init__(self) -> None:
        for name, known in {"preset": PRESETS, "on_missing": ON_MISSING}.items():
            value = getattr(self, name)
            if value not in known:
                raise InvalidRequest(
                    f"Safe mode's {name} is {describe(value)}; it must be one of {', '.join(known)}."
                )
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise InvalidRequest(
                f"Safe mode's threshold is {self.threshold}; it must be 0 to 1. Correct it or leave it out."
            )


DEFAULT_POLICY = Policy()
