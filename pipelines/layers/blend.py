"""The arithmetic of the 26 blend modes on planar tensors.

Every function takes `backdrop` and `layer`, float32 [3, H, W], both in the light that `modes.BLEND_MODES`
names for the mode, and returns a new tensor of that shape; neither input is written to. The formulas are
those of ComfyUI core's LAYERS document (which follow GIMP's), pinned by a table of hand-worked values
and, where ComfyUI is installed, against core itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Blend = Callable[[Tensor, Tensor], Tensor]

_EPSILON = 1e-6
_LUMINANCE = (0.2224884, 0.71690369, 0.06060791)  # of linear sRGB, adapted to D50, as core has it


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """numerator / denominator, and 0 where the denominator is as good as 0."""
    small = denominator.abs() < _EPSILON
    return torch.where(small, 0.0, numerator / torch.where(small, 1.0, denominator))


def _overlay(backdrop: Tensor, layer: Tensor) -> Tensor:
    return torch.where(backdrop < 0.5, 2 * backdrop * layer, 1 - 2 * (1 - layer) * (1 - backdrop))


def _dodge(backdrop: Tensor, layer: Tensor) -> Tensor:
    bright = torch.where(1 - layer <= _EPSILON, 1.0, _ratio(backdrop, 1 - layer).clamp(max=1.0))
    return torch.where(backdrop <= 0, 0.0, bright)


def _burn(backdrop: Tensor, layer: Tensor) -> Tensor:
    dark = torch.where(layer <= _EPSILON, 0.0, 1 - _ratio(1 - backdrop, layer).clamp(max=1.0))
    return torch.where(backdrop >= 1, 1.0, dark)


def _hard_light(backdrop: Tensor, layer: Tensor) -> Tensor:
    bright = (1 - (1 - backdrop) * (2 - 2 * layer)).clamp(max=1.0)
    return torch.where(layer > 0.5, bright, (2 * backdrop * layer).clamp(max=1.0))


def _soft_light(backdrop: Tensor, layer: Tensor) -> Tensor:
    # (1 - b)(b l) + b (1 - (1 - b)(1 - l)), multiplied out
    return torch.addcmul(backdrop, 2 * layer, 1 - backdrop).mul_(backdrop)


def _vivid_light(backdrop: Tensor, layer: Tensor) -> Tensor:
    return torch.where(layer <= 0.5, _burn(backdrop, 2 * layer), _dodge(backdrop, 2 * layer - 1))


def _pin_light(backdrop: Tensor, layer: Tensor) -> Tensor:
    bright = torch.maximum(backdrop, 2 * layer - 1)
    return torch.where(layer > 0.5, bright, torch.minimum(backdrop, 2 * layer))


def _extremes(rgb: Tensor) -> tuple[Tensor, Tensor]:
    return rgb.amin(dim=0, keepdim=True), rgb.amax(dim=0, keepdim=True)


def _lightness(rgb: Tensor) -> Tensor:
    low, high = _extremes(rgb)
    return (low + high) / 2


def _hue(backdrop: Tensor, layer: Tensor) -> Tensor:
    """The layer's hue at the backdrop's HSV saturation and value; a grey layer changes nothing."""
    low, high = _extremes(layer)
    backdrop_low, backdrop_high = _extremes(backdrop)
    grey = high - low <= _EPSILON
    # saturation * value is the backdrop's own spread
    factor = (backdrop_high - backdrop_low) / torch.where(grey, 1.0, high - low)
    return torch.where(grey, backdrop, layer * factor + (backdrop_high - high * factor))


def _saturation(backdrop: Tensor, layer: Tensor) -> Tensor:
    """The layer's HSV saturation at the backdrop's hue and value; a grey backdrop stays grey."""
    low, high = _extremes(layer)
    backdrop_low, backdrop_high = _extremes(backdrop)
    spread = backdrop_high - backdrop_low
    grey = spread <= _EPSILON
    saturation = torch.where(high != 0, (high - low) / torch.where(high != 0, high, 1.0), 0.0)
    factor = saturation * backdrop_high / torch.where(grey, 1.0, spread)
    return torch.where(grey, backdrop_high, backdrop * factor + (1 - factor) * backdrop_high)


def _color(backdrop: Tensor, layer: Tensor) -> Tensor:
    """The layer's hue and saturation at the backdrop's HSL lightness."""
    lightness, layer_lightness = _lightness(backdrop), _lightness(layer)
    extreme = (layer_lightness.abs() <= _EPSILON) | ((1 - layer_lightness).abs() <= _EPSILON)
    reach = torch.minimum(lightness, 1 - lightness)
    layer_reach = torch.minimum(layer_lightness, 1 - layer_lightness)
    factor = reach / torch.where(extreme, 1.0, layer_reach)
    offset = torch.where(lightness > 0.5, 1 - 2 * reach, 0.0)
    offset = offset + torch.where(layer_lightness > 0.5, 2 * reach - factor, 0.0)
    return torch.where(extreme, lightness, layer * factor + offset)


def _luminance(rgb: Tensor) -> Tensor:
    weights = torch.tensor(_LUMINANCE, dtype=rgb.dtype, device=rgb.device).view(3, 1, 1)
    return (rgb * weights).sum(dim=0, keepdim=True)


def _luminosity(backdrop: Tensor, layer: Tensor) -> Tensor:
    """The backdrop scaled to the layer's luminance; a black backdrop becomes a grey of that luminance."""
    target, present = _luminance(layer), _luminance(backdrop)
    black = present <= _EPSILON
    return torch.where(black, target, backdrop * (target / torch.where(black, 1.0, present)))


BLENDS: dict[str, Blend] = {
    "normal": lambda _backdrop, layer: layer,
    "multiply": torch.mul,
    "screen": lambda backdrop, layer: torch.addcmul(backdrop + layer, backdrop, layer, value=-1),
    "overlay": _overlay,
    "darken": torch.minimum,
    "lighten": torch.maximum,
    "color-dodge": _dodge,
    "color-burn": _burn,
    "hard-light": _hard_light,
    "soft-light": _soft_light,
    "difference": lambda backdrop, layer: (backdrop - layer).abs_(),
    "exclusion": lambda backdrop, layer: 0.5 - 2 * (backdrop - 0.5) * (layer - 0.5),
    "linear-dodge": torch.add,
    "linear-burn": lambda backdrop, layer: (backdrop + layer).sub_(1),
    "vivid-light": _vivid_light,
    "pin-light": _pin_light,
    "linear-light": lambda backdrop, layer: torch.add(backdrop, layer, alpha=2).sub_(1),
    "hard-mix": lambda backdrop, layer: (backdrop + layer >= 1).to(backdrop.dtype),
    "subtract": lambda backdrop, layer: (backdrop - layer).clamp_(min=0.0),
    "divide": lambda backdrop, layer: (backdrop / layer.clamp(min=_EPSILON)).clamp(0.0, 1.0),
    "grain-extract": lambda backdrop, layer: (backdrop - layer).add_(0.5),
    "grain-merge": lambda backdrop, layer: (backdrop + layer).sub_(0.5),
    "hue": _hue,
    "saturation": _saturation,
    "color": _color,
    "luminosity": _luminosity,
}

# Modes whose result can leave 0..1 for inputs inside it: what follows needs the exact light curves.
OVERSHOOTING = frozenset(
    {"linear-dodge", "linear-burn", "linear-light", "grain-extract", "grain-merge", "luminosity"}
)
