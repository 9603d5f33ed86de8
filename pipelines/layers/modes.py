"""The 26 blend modes by name, with the light each works in and what it does to coverage.

The names, the light and the coverage rule are those of ComfyUI core's LAYERS document, so that a
document looks the same in core's layer editor and here. Kept apart from the arithmetic so that a
request can be checked without torch.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Light = Literal["linear", "perceptual"]
Coverage = Literal["union", "backdrop"]


class Mode(NamedTuple):
    """The application of a blend mode.

    Attributes:
        light: the space in which backdrop and layer meet; mixing by coverage is always linear.
        coverage: `union` adds the layer's coverage to the canvas; `backdrop` shows the layer only where
            the canvas already has some, and leaves the canvas' alpha as it is.
    """

    light: Light
    coverage: Coverage


_LINEAR = ("multiply", "darken", "lighten", "linear-dodge", "subtract", "divide", "luminosity")
_PERCEPTUAL = (
    "screen", "overlay", "color-dodge", "color-burn", "hard-light", "soft-light", "difference",
    "exclusion", "linear-burn", "vivid-light", "pin-light", "linear-light", "hard-mix", "grain-extract",
    "grain-merge", "hue", "saturation", "color",
)  # fmt: skip

BLEND_MODES: dict[str, Mode] = {
    "normal": Mode("linear", "union"),
    **{name: Mode("linear", "backdrop") for name in _LINEAR},
    **{name: Mode("perceptual", "backdrop") for name in _PERCEPTUAL},
}
