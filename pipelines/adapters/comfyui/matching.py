"""Match what a model made to the base outside the mask, and say what was measured there.

Measured are the whole of the area that was sampled but the mask and `_BORDER` pixels around it, where the
model may write too: cells of the latent that the mask touches, and what the decoder spreads from them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .alignment import Shift, measure_shift, moved_back
from .color_match import ColorShift, measure_color, with_base_colors
from .mask_shape import grown
from .measured import Measured
from .pixels import fitted, fitted_mask, opaque
from .reference_fit import ReferenceFit

_BORDER = 48


def matched(
    edited: Tensor, base: Tensor, mask: Tensor, fit: ReferenceFit, *, color_match: bool, align: bool
) -> tuple[Tensor, list[Measured]]:
    """Move a model's outputs onto the base and give them its colours, where that is clear outside the mask.

    Args:
        edited: the model's outputs [B, h, w, 3 or 4], of any float type and on any device, as the mask.
        base: float32 [1, H, W, 3 or 4]; the outputs become of its type and go to its device.
        mask: edit mask [1, h, w], 1 = change here.
        fit: which part of the canvas was edited.

    Returns:
        The outputs, and what was measured of each.
    """
    if not (color_match or align):
        return edited, []
    seen = replace(fit, size=(edited.shape[2], edited.shape[1]))
    own, keep = fitted(opaque(base), seen)[0], grown(fitted_mask(mask.to(base), base, seen)[0], _BORDER) == 0
    if base.shape[3] == 4:  # nothing is known of colours that do not show
        keep = keep & (fitted(base, seen)[0, ..., 3] > 1 - 1 / 255)
    outputs, measured = [], []
    for output in edited.to(base):
        values: dict[str, Any] = {}
        notes = []
        if align:
            output, note = _aligned(output, own, keep, values)
            notes.append(note)
        if color_match:
            output, note = _recolored(output, own, keep, values)
            notes.append(note)
        outputs.append(output)
        measured.append(Measured("; ".join(notes), values))
    return torch.stack(outputs), measured


def _aligned(output: Tensor, own: Tensor, keep: Tensor, values: dict[str, Any]) -> tuple[Tensor, str]:
    shift = measure_shift(output, own, keep)
    values["shift"] = shift
    if shift is None:
        return output, "a shift cannot be told, nothing is moved"
    if shift == (0, 0):
        return output, "no shift"
    return moved_back(output, shift), f"shifted by {_direction(shift)} as sampled, moved back"


def _recolored(output: Tensor, own: Tensor, keep: Tensor, values: dict[str, Any]) -> tuple[Tensor, str]:
    color = measure_color(output, own, keep)
    values["color"] = None if color is None else color._asdict()
    if color is None:
        return output, "a difference in colour cannot be told, nothing is corrected"
    if color.is_none:
        return output, "the colours are image 1's"
    return with_base_colors(output, color), f"{_difference(color)} of 255, corrected"


def _direction(shift: Shift) -> str:
    across = f"{abs(shift.x):g} px to the {'right' if shift.x > 0 else 'left'}" if shift.x else ""
    down = f"{abs(shift.y):g} px {'down' if shift.y > 0 else 'up'}" if shift.y else ""
    return " and ".join(part for part in (across, down) if part)


def _difference(color: ColorShift) -> str:
    named = zip(("red", "green", "blue"), color.difference, strict=True)
    return ", ".join(f"{name} {255 * value:+.1f}" for name, value in named)
