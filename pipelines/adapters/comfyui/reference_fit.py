"""How a picture is brought to the size that a model sees, as data that a node's input can hold."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from ...common.types import Size

CropWindow = tuple[int, int, int, int]


@dataclass(frozen=True)
class ReferenceFit:
    """Scale a picture, or cover a canvas with it and take a window of that.

    Attributes:
        size: (width, height) of the answer in pixels.
        canvas: (width, height) that the picture covers first, centred, what sticks out being cut; None
            takes the whole picture.
        window: (x, y, width, height) of the canvas that is scaled to `size`; None takes all of it.
    """

    size: Size
    canvas: Size | None = None
    window: CropWindow | None = None

    def to_text(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})

    @classmethod
    def from_text(cls, text: str) -> ReferenceFit:
        return cls(**{name: tuple(value) for name, value in json.loads(text).items()})


def on_budget(size: Size, pixels: int, grid: int) -> Size:
    """A size of about `pixels` at the ratio of `size`, both sides the nearest multiples of `grid`."""
    scale = math.sqrt(pixels / math.prod(size))
    width, height = (max(grid, round(side * scale / grid) * grid) for side in size)
    return width, height
