"""What safe mode found and did, for the result's metadata. Without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from .policy import Preset

ScreeningStatus = Literal["ok", "error", "no_classifier", "off"]

BLUR = "area16x5bit"


@dataclass(frozen=True)
class SafetyReport:
    """The verdict on one picture, or on the clip that it is a frame of.

    Attributes:
        safe_mode: whether it was on.
        status: `ok` (judged), `error` (could not be judged), `no_classifier` or `off`.
        blurred: whether the picture is, or has to be, obscured: always so on `error` and `no_classifier`.
        score: 0 (safe) .. 1, of the level that decided; None where there is no finite one.
        label: None where the picture was not judged.
        level: the classifier's level that the score is of.
        threshold: the score from which on a picture is `nsfw`.
        preset: the policy's.
        classifier, sha256: its name and the sha256 of its weights.
        scores: of all levels, by their names.
        blur: how the picture was obscured.
    """

    safe_mode: bool
    status: ScreeningStatus
    blurred: bool
    score: float | None = None
    label: Literal["sfw", "nsfw"] | None = None
    level: str | None = None
    threshold: float | None = None
    preset: Preset | None = None
    classifier: str | None = None
    sha256: str | None = None
    scores: Mapping[str, float] | None = None
    blur: str | None = None

    @property
    def content_violation(self) -> bool:
        """Whether the picture was judged and found not safe; one that could not be judged was not."""
        return self.label == "nsfw"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: no NaN, every key always there."""
        return asdict(self)


def reports_json(reports: Sequence[SafetyReport]) -> str:
    """The verdicts on a batch as a JSON list, in order."""
    return json.dumps([report.to_dict() for report in reports])


def off_report() -> SafetyReport:
    """For a picture that safe mode did not look at, because the request switched it off."""
    return SafetyReport(safe_mode=False, status="off", blurred=False)
