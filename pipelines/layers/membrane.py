"""The smooth surface that meets given values along a cut-out's border: the Laplace equation.

A rectangle's membrane is one sine transform forth and back (the five-point Laplacian with given borders is
diagonal there). A cut-out's border runs anywhere, so conjugate gradients solve it, preconditioned with a
cosine transform (which does the same for free borders), in some dozen steps. A membrane has no detail of
its own, so one is solved on at most `_RECTANGLE_SIDE` or `_CUT_OUT_SIDE` cells a side and enlarged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as functional
from torch import Tensor

_RECTANGLE_SIDE = 2048
_CUT_OUT_SIDE = 256
_SOLID = 0.5  # alpha from which a pixel belongs to the cut-out's body
_TOLERANCE = 1e-3  # of the border's largest value: below a quarter of an 8-bit step
_MOST_STEPS = 60


def membrane(differences: Iterable[Tensor], alpha: Tensor | None) -> Tensor:
    """The harmonic surface that equals `differences` along the layer's border, one cell a pixel or fewer.

    Args:
        differences: float32 [H, W] for each channel, read one by one; only values on the border count.
        alpha: [H, W] or None for a full rectangle, whose border is its outermost pixels; otherwise the
            border is the rim of the pixels with an alpha of at least 0.5.

    Returns:
        float32 [channels, h, w], for `enlarge`; outside the body it goes on as flat as it can, for the
        soft edge beyond the border. 0 where nothing has that alpha.
    """
    body = None if alpha is None or bool((alpha >= _SOLID).all()) else (alpha >= _SOLID).float()
    pooled = torch.cat([_pooled(each, body) for each in differences])
    share = torch.ones_like(pooled[:1]) if body is None else _pooled(body, body)
    return _solve(pooled / share.clamp(min=1e-6), _rim(share[0] >= _SOLID))


def _pooled(plane: Tensor, body: Tensor | None) -> Tensor:
    """Average a plane [H, W], 0 outside the body, over cells: [1, h, w]."""
    height, width = plane.shape
    factor = min(1.0, (_RECTANGLE_SIDE if body is None else _CUT_OUT_SIDE) / max(height, width))
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    return functional.adaptive_avg_pool2d((plane if body is None else plane * body)[None], size)


def enlarge(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Enlarge one channel's cells [h, w] to (height, width)."""
    return functional.interpolate(cells[None, None], size=size, mode="bicubic")[0, 0]


def _rim(inside: Tensor) -> Tensor:
    """The inside cells with an outside neighbour, diagonals counted; beyond the edge is outside."""
    outside = functional.pad((~inside).float()[None], (1, 1, 1, 1), value=1.0)
    return inside & (functional.max_pool2d(outside, 3, stride=1)[0] > 0)


def _solve(values: Tensor, fixed: Tensor) -> Tensor:
    """The discrete harmonic surface [3, H, W] that equals `values` where `fixed` [H, W] is set.

    Cells outside the border are solved for too, with the rectangle's own border free.
    """
    held = torch.where(fixed, values, 0.0)
    interior = fixed[1:-1, 1:-1]
    if int(fixed.sum()) == fixed.numel() - interior.numel() and not bool(interior.any()):
        if interior.numel() > 0:
            held[:, 1:-1, 1:-1] = _invert_within(-_laplacian(held)[:, 1:-1, 1:-1])
        return held
    free = (~fixed).to(values.dtype)
    return held + _conjugate_gradients(-_laplacian(held) * free, free, _TOLERANCE * float(held.abs().max()))


def _conjugate_gradients(residual: Tensor, free: Tensor, tolerance: float) -> Tensor:
    """Solve the Laplace equation on the free cells; each channel is a problem of its own."""
    solution = torch.zeros_like(residual)
    direction = torch.zeros_like(residual)
    previous = residual.new_ones(residual.shape[0], 1, 1)
    for _ in range(_MOST_STEPS):
        preconditioned = _invert_free(residual) * free
        energy = (residual * preconditioned).sum(dim=(1, 2), keepdim=True)
        direction = preconditioned + direction * (energy / previous.clamp(min=1e-30))
        product = _laplacian(direction) * free
        step = energy / (direction * product).sum(dim=(1, 2), keepdim=True).clamp(min=1e-30)
        solution += step * direction
        residual = residual - step * product
        previous = energy
        if float((step * direction).abs().max()) <= tolerance:
            break
    return solution


def _laplacian(planes: Tensor) -> Tensor:
    """Each cell's differences from its neighbours, summed; a cell at the edge of [C, H, W] has fewer."""
    padded = functional.pad(planes, (1, 1, 1, 1), mode="replicate")
    result = planes * 4
    result -= padded[:, :-2, 1:-1]
    result -= padded[:, 2:, 1:-1]
    result -= padded[:, 1:-1, :-2]
    result -= padded[:, 1:-1, 2:]
    return result


def _invert_within(planes: Tensor) -> Tensor:
    """Solve the five-point Laplace equation with zeros around [C, H, W], exactly."""
    height, width = planes.shape[1:]
    rows, columns = (_eigenvalues(count, 1, count + 1, planes) for count in (height, width))
    spectrum = _sine_transform(_sine_transform(planes, 1), 2)
    spectrum /= rows[:, None] + columns[None, :]
    return _sine_transform(_sine_transform(spectrum, 1), 2) * (4 / ((height + 1) * (width + 1)))


def _invert_free(planes: Tensor) -> Tensor:
    """Solve the equation of `_laplacian`; the mean, which it leaves open, counts as the lowest wave."""
    height, width = planes.shape[1:]
    rows, columns = (_eigenvalues(count, 0, count, planes) for count in (height, width))
    values = rows[:, None] + columns[None, :]
    values[0, 0] = 2 - 2 * math.cos(math.pi / max(height, width))
    spectrum = _cosine_transform(_cosine_transform(planes, 1), 2) / values
    return _inverse_cosine_transform(_inverse_cosine_transform(spectrum, 1), 2)


def _eigenvalues(count: int, first: int, period: int, like: Tensor) -> Tensor:
    index = torch.arange(first, first + count, dtype=like.dtype, device=like.device)
    return 2 - 2 * torch.cos(torch.pi * index / period)


def _sine_transform(planes: Tensor, axis: int) -> Tensor:
    """The sine transform of type I along an axis, unnormalised: sum of x[n] sin(pi (n+1)(k+1) / (N+1))."""
    count = planes.shape[axis]
    padded = functional.pad(planes.transpose(axis, -1), (1, count + 1))
    transformed: Tensor = torch.fft.rfft(padded, dim=-1).imag[..., 1 : count + 1]
    return -transformed.transpose(axis, -1)


def _cosine_transform(planes: Tensor, axis: int) -> Tensor:
    """The cosine transform of type II along an axis: twice the sum of x[n] cos(pi (2n+1) k / 2N)."""
    count = planes.shape[axis]
    mirrored = planes.transpose(axis, -1)
    mirrored = torch.cat((mirrored, mirrored.flip(-1)), dim=-1)
    spectrum: Tensor = torch.fft.rfft(mirrored, dim=-1)[..., :count] * _half_sample(count, planes).conj()
    return spectrum.real.transpose(axis, -1)


def _inverse_cosine_transform(spectrum: Tensor, axis: int) -> Tensor:
    count = spectrum.shape[axis]
    turned = spectrum.transpose(axis, -1) * _half_sample(count, spectrum)
    mirrored: Tensor = torch.fft.irfft(functional.pad(turned, (0, 1)), n=2 * count, dim=-1)
    return mirrored[..., :count].transpose(axis, -1)


def _half_sample(count: int, like: Tensor) -> Tensor:
    """Return what shifts a spectrum of 2 * count samples by half a sample."""
    angle = torch.arange(count, dtype=like.dtype, device=like.device) * (torch.pi / (2 * count))
    return torch.complex(angle.cos(), angle.sin())
