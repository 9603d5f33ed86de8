"""What safe mode found and did, for the result's metadata. Without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "error", "no_classifier", "off"]

BLUR = "area16x5bit"


@dataclass(frozen=True)
class SafetyReport:
    """The verdict on one picture.

    Attributes:
        safe_mode: whether it was on.
        status: `ok` (judged), `error` (could not be judged), `no_classifier` or `off`.
        blurred: whether the picture is, or has to be, obscured: always so on `error` and `no_classifier`.
        score: 0 (safe) .. 1; None where there is no finite one.
        label: None where the picture was not judged.
        threshold: the score from which on a picture is `nsfw`.
        classifier, sha256: its name and the sha256 of its weights.
        blur: how the picture was obscured.
    """

    safe_mode: bool
    status: Status
    blurred: bool
    score: float | None = None
    label: Literal["sfw", "nsfw"] | None = None
    threshold: float | None = None
    classifier: str | None = None
    sha256: str | None = None
    blur: str | None = None

    def to_dict(self) -> dict[str, bool | float | str | None]:
        """As JSON has it: no NaN, every key always there."""
        return asdict(self)


def reports_json(reports: Sequence[SafetyReport]) -> str:
    """The verdicts on a batch as a JSON list, in order."""
    return json.dumps([report.to_dict() for report in reports])


def off_report() -> SafetyReport:
    """For a picture that safe mode did not look at, because the request switched it off."""
    return SafetyReport(safe_mode=False, status="off", blurred=False)
