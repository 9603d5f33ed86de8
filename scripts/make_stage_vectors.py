"""Write tests/web/placement_vectors.json: placements and their boxes, by Python and for web/stage/.

    .venv/bin/python scripts/make_stage_vectors.py

A second run changes nothing; tests/web/test_stage_modules.py says when it is stale.
"""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict
from pathlib import Path

from multiedit.pipelines.layers.document import rotated_bounds
from multiedit.pipelines.layers.modes import BLEND_MODES
from multiedit.pipelines.layers.placement import (
    ANCHORS,
    FITS,
    UNITS,
    Placement,
    place,
)

FILE = Path(__file__).resolve().parents[1] / "tests" / "web" / "placement_vectors.json"
CASES = 300
_SIDES = (1, 3, 64, 100, 101, 600, 1024, 4095, 16_384)
_OFFSETS = (0.0, -0.01, 0.05, 12.34, 50.0, -33.33, 7.5, 1234.5, -16_384.0)
_SCALES = (1.0, 0.5, 0.001, 0.333, 1.25, 2.0, 100.0)
_TURNS = (0.0, 90.0, -180.0, 33.33, 359.99, 45.0)


def text() -> str:
    """The file's content, one case a line."""
    random_ = random.Random(16)  # noqa: S311  # the same cases in each run
    lines = ",\n".join(json.dumps(_case(random_)) for _ in range(CASES))
    facts = {
        "defaults": asdict(Placement()),
        "modes": {name: list(mode) for name, mode in BLEND_MODES.items()},
    }
    return f'{json.dumps(facts)[:-1]},\n"cases": [\n{lines}\n]}}\n'


def _case(random_: random.Random) -> dict[str, object]:
    """One placement; every other one of the numbers at which rounding and limits show."""
    plain = random_.random() < 0.5

    def number(known: tuple[float, ...], low: float, high: float, digits: int) -> float:
        return random_.choice(known) if plain else round(random_.uniform(low, high), digits)

    def side() -> int:
        return random_.choice(_SIDES) if plain else random_.randint(1, 8192)

    placement = Placement(
        fit=random_.choice(FITS),
        anchor=random_.choice(ANCHORS),
        offset_x=number(_OFFSETS, -200, 200, 2),
        offset_y=number(_OFFSETS, -200, 200, 2),
        unit=random_.choice(UNITS),
        scale=number(_SCALES, 0.001, 3, 3),
        rotation=number(_TURNS, -360, 360, 2),
    )
    layer, canvas = (side(), side()), (side(), side())
    box = place(placement, layer, canvas)
    given = {name: value for name, value in asdict(placement).items() if value != getattr(Placement(), name)}
    bounds = rotated_bounds(box, math.radians(placement.rotation))
    return {"placement": given, "layer": layer, "canvas": canvas, "box": box, "bounds": bounds}


if __name__ == "__main__":
    FILE.write_text(text())
