"""What was measured of an edit outside its mask, on its way into the plan and the summary."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

MEASURED = "Measured outside the mask"
"""How every note of what was measured begins."""


class Measured(NamedTuple):
    """What was measured of one output, in words and as JSON takes it.

    Attributes:
        note: half a sentence.
        values: `shift` [x, y] in pixels as sampled, and `color` with the fields of `ColorShift`; None where
            it is not clear.
    """

    note: str
    values: dict[str, Any]


def measured_json(measured: list[Measured]) -> str:
    """What was measured of the results of one frame, for `with_measured`."""
    return json.dumps([{"note": each.note, **each.values} for each in measured])


def with_measured(plan: str, summary: str, measured: str, frame: int | None) -> tuple[str, str]:
    """Add what was measured to a plan, a JSON object, and to its summary.

    Args:
        measured: of `measured_json`.
        frame: its number in the batch; None where there is one.
    """
    decided: dict[str, Any] = json.loads(plan)
    results: list[dict[str, Any]] = json.loads(measured)
    notes = list(_notes(results, frame))
    generation = decided["generation"]
    generation["measured"] = [*generation.get("measured", ()), *results]
    decided["notes"] = [*decided["notes"], *notes]
    return json.dumps(decided, indent=2), "\n".join([summary, *notes])


def _notes(results: Sequence[Mapping[str, Any]], frame: int | None) -> Iterator[str]:
    for number, result in enumerate(results, start=1):
        which = [f"frame {frame}"] if frame else []
        which += [f"result {number}"] if len(results) > 1 else []
        place = f" of {', '.join(which)}" if which else ""
        yield f"{MEASURED}{place}: {result['note']}."
