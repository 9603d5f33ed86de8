"""The shape of an edit mask, 1 = change here: what is too faint to count, growing it, and fading it in."""

from __future__ import annotations

from types import EllipsisType

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...images.levels import FAINTEST


def without_specks(mask: Tensor) -> Tensor:
    """A mask [B, H, W] with 0 for what is fainter than `FAINTEST`."""
    return torch.where(mask < FAINTEST, 0.0, mask)


def grown(mask: Tensor, pixels: int) -> Tensor:
    """A mask [..., H, W] grown by `pixels` to every side, corners included."""
    window = _around(mask, pixels)
    result = torch.zeros_like(mask)
    result[window] = _grown_along(_grown_along(mask[window], -1, pixels), -2, pixels)
    return result


def faded(mask: Tensor, width: int, inset: int = 0) -> Tensor:
    """The share of an edit at each pixel of a mask [H, W]: never more than the mask, and 0 where that is 0.

    Args:
        width: pixels over which it rises from 0 to the mask's own value, inwards from the mask's edge. At the
            border of the tensor nothing fades.
        inset: pixels inside the edge at which it begins to rise.

    What is too thin to reach the mask's value is raised to it at its thickest. Where a part is too thin even
    for that, and no thicker one is near, both numbers are halved until it is not: no stroke is lost.
    """
    window = _around(mask, width + inset + 1)
    result = torch.zeros_like(mask)
    result[window] = mask[window] * _shares((mask[window] > 0).float(), width, inset)
    return result


def _shares(selected: Tensor, width: int, inset: int) -> Tensor:
    """What `faded` multiplies a mask with, of a mask of zeros and ones."""
    reach = width + inset
    if reach == 0:
        return selected
    near = selected
    for axis in (-1, -2):
        near = _averaged_along(near, axis, reach)
    # Beside a straight edge this is how deep inside a pixel's centre lies.
    depth = (2.0 * near - 1.0) * (reach + 0.5)
    rise = ((depth - inset) / (width + 0.5)).clamp(0.0, 1.0) * selected
    thickest = grown(rise, reach)
    shares = torch.where(thickest > 0, rise / thickest, 0.0)
    thin = selected * (grown((shares > 0).float(), inset + reach // 2 + 1) == 0)  # not just a corner
    if bool(thin.any()):
        shares = torch.where(thin > 0, _shares(selected, width // 2, inset // 2), shares)
    return shares


def _around(mask: Tensor, margin: int) -> tuple[EllipsisType, slice, slice]:
    """The window of what a mask [..., H, W] selects, with a margin where there is room."""
    selected = mask.reshape(-1, *mask.shape[-2:]).amax(dim=0) > 0
    rows, columns = (selected.any(dim=axis).nonzero().flatten() for axis in (1, 0))
    if len(rows) == 0:
        return ..., slice(0, 1), slice(0, 1)  # torch pads no empty tensor
    down, across = (slice(max(0, int(at[0]) - margin), int(at[-1]) + 1 + margin) for at in (rows, columns))
    return ..., down, across


def _grown_along(mask: Tensor, axis: int, pixels: int) -> Tensor:
    """Take the maximum of each run of 2 * pixels + 1, in steps that double: a run of 1001 takes ten."""
    reached = 0
    while reached < pixels:
        step = min(reached + 1, pixels - reached)
        mask = torch.maximum(mask, torch.maximum(_shifted(mask, axis, step), _shifted(mask, axis, -step)))
        reached += step
    return mask


def _averaged_along(mask: Tensor, axis: int, reach: int) -> Tensor:
    """Take the mean of each run of 2 * reach + 1, of what is inside the tensor: by differences of sums."""
    length = mask.shape[axis]
    sums = pad(mask.cumsum(dim=axis, dtype=torch.float64), (1, 0) if axis == -1 else (0, 0, 1, 0))
    at = torch.arange(length, device=mask.device)
    first, last = (at - reach).clamp(min=0), (at + reach + 1).clamp(max=length)
    counts = (last - first).double()
    total = sums.index_select(axis, last) - sums.index_select(axis, first)
    return (total / (counts if axis == -1 else counts[:, None])).float()


def _shifted(mask: Tensor, axis: int, step: int) -> Tensor:
    """A mask moved along an axis, with 0 for what comes in."""
    length = mask.shape[axis]
    kept = min(abs(step), length)
    part = mask.narrow(axis, 0 if step > 0 else kept, length - kept)
    before, after = (kept, 0) if step > 0 else (0, kept)
    return pad(part, (before, after) if axis == -1 else (0, 0, before, after))
