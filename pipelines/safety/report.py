"""Report what safe mode found and did, for the result's metadata. Without torch."""

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
    """The decision on one image, or on the video that it is a frame of.

    Attributes:
        safe_mode: whether it was on.
        status: `ok` (classified), `error` (could not be classified), `no_classifier` or `off`.
        blurred: whether the image is, or has to be, blurred: always so on `error` and `no_classifier`.
        score: 0 (safe) .. 1, of the level that decided; None where there is no finite one.
        label: None where the image was not classified.
        level: the classifier's level that the score is of.
        threshold: the score from which on an image is `nsfw`.
        preset: the policy's.
        classifier, sha256: its name and the sha256 of its weights.
        scores: of all levels, by their names.
        blur: the method that blurred the image.
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

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON takes: no NaN, every key always there."""
        return asdict(self)


def reports_json(reports: Sequence[SafetyReport]) -> str:
    """Return the reports on a batch as a JSON list, in order."""
    return json.dumps([report.to_dict() for report in reports])


def off_report() -> SafetyReport:
    """Report on an image that was not checked, because the request switched safe mode off."""
    return SafetyReport(safe_mode=False, status="off", blurred=False)
