"""Seamless blending: a layer keeps its detail and takes on the light of the place it is put.

Gradient-domain cloning (Perez, Gangnet and Blake, "Poisson image editing", 2003) asks for the picture
with the layer's gradients that meets the backdrop along the layer's border. Its difference from the
layer is then a membrane: harmonic inside, and backdrop minus layer on the border. Only that membrane is
solved for and added, in sRGB values, as usual for this method.

A rectangle's membrane is one sine transform forth and back (the five-point Laplacian is diagonal there).
A cut-out's border runs anywhere, so the same transform preconditions conjugate gradients, some dozen
steps. A membrane has no detail of its own, so one is solved on at most `_RECTANGLE_SIDE` or
`_CUT_OUT_SIDE` cells a side and enlarged.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as functional
from torch import Tensor

from .document import Layer
from .placed import PlacedLayer, Window

_RECTANGLE_SIDE = 2048
_CUT_OUT_SIDE = 256
_SOLID = 0.5  # alpha from which a pixel belongs to the cut-out's body
_TOLERANCE = 1e-3  # of the border's largest value: below a quarter of an 8-bit step
_MOST_STEPS = 60


def seamless_layer(placed: PlacedLayer, canvas: Tensor) -> Layer:
    """The layer, unturned and at its own size, with the membrane added.

    Args:
        placed: the layer; what of it lies off the canvas meets the canvas' edge pixels.
        canvas: [H, W, 3 or 4], what lies under the layer, sRGB.

    Returns:
        A layer that covers the same pixels and has the same mode and opacity.
    """
    box = placed.bounds
    colour, alpha = placed.read(Window(box.y, box.y + box.height, box.x, box.x + box.width))
    difference = _under(canvas, placed.bounds, colour) - colour
    solved = (colour + membrane(difference, alpha)).clamp_(0.0, 1.0)
    planes = solved if alpha is None else torch.cat((solved, alpha[None]))
    return replace(
        placed.layer,
        image=planes.permute(1, 2, 0)[None].contiguous(),
        mask=None,
        box=box,
        flip_h=False,
        flip_v=False,
        rotation=0.0,
        seamless=False,
    )


def _under(canvas: Tensor, box: tuple[int, int, int, int], layer: Tensor) -> Tensor:
    """The canvas' colour under a box as planes; the layer's own where the canvas is transparent."""
    height, width = canvas.shape[:2]
    x, y, box_width, box_height = box
    rows = torch.arange(y, y + box_height, device=canvas.device).clamp_(0, height - 1)
    columns = torch.arange(x, x + box_width, device=canvas.device).clamp_(0, width - 1)
    pixels = canvas[rows[:, None], columns].permute(2, 0, 1)
    if pixels.shape[0] == 3:
        return pixels
    return torch.where(pixels[3] > 0, pixels[:3], layer)


def membrane(difference: Tensor, alpha: Tensor | None) -> Tensor:
    """The harmonic surface that equals `difference` along the layer's border.

    Args:
        difference: float32 [3, H, W]; only its values on the border count.
        alpha: [H, W] or None for a full rectangle, whose border is its outermost pixels; otherwise the
            border is the rim of the pixels with an alpha of at least 0.5.

    Returns:
        float32 [3, H, W]; 0 where nothing has that alpha.
    """
    height, width = difference.shape[1:]
    whole = alpha is None or bool((alpha >= _SOLID).all())
    factor = min(1.0, (_RECTANGLE_SIDE if whole else _CUT_OUT_SIDE) / max(height, width))
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    body = torch.ones_like(difference[:1]) if whole or alpha is None else (alpha >= _SOLID).float()[None]
    share = functional.adaptive_avg_pool2d(body, size)
    values = functional.adaptive_avg_pool2d(difference * body, size) / share.clamp(min=1e-6)
    solved = _solve(values, _rim(share[0] >= _SOLID))
    return functional.interpolate(solved[None], size=(height, width), mode="bicubic")[0]


def _rim(inside: Tensor) -> Tensor:
    """The inside cells with an outside neighbour, diagonals counted; beyond the edge is outside."""
    outside = functional.pad((~inside).float()[None], (1, 1, 1, 1), value=1.0)
    return inside & (functional.max_pool2d(outside, 3, stride=1)[0] > 0)


def _solve(values: Tensor, fixed: Tensor) -> Tensor:
    """The discrete harmonic surface [3, H, W] that equals `values` where `fixed` [H, W] is set.

    Cells outside the border are solved for too (with zeros around the rectangle), which changes nothing
    inside and makes the surface smooth to enlarge.
    """
    held = torch.where(fixed, values, 0.0)
    free = (~fixed).to(values.dtype)
    residual = -_laplacian(held) * free
    if bool(fixed[0].all() and fixed[-1].all() and fixed[:, 0].all() and fixed[:, -1].all()):
        interior = fixed[1:-1, 1:-1]
        if interior.numel() == 0 or not bool(interior.any()):
            held[:, 1:-1, 1:-1] = _invert_laplacian(residual[:, 1:-1, 1:-1])
            return held
    return held + _conjugate_gradients(residual, free, _TOLERANCE * float(held.abs().max()))


def _conjugate_gradients(residual: Tensor, free: Tensor, tolerance: float) -> Tensor:
    """Solve the Laplace equation on the free cells; each channel is a problem of its own."""
    solution = torch.zeros_like(residual)
    direction = torch.zeros_like(residual)
    previous = residual.new_ones(residual.shape[0], 1, 1)
    for _ in range(_MOST_STEPS):
        preconditioned = _invert_laplacian(residual) * free
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
    """Four times each cell minus its neighbours, with zeros around [C, H, W]."""
    padded = functional.pad(planes, (1, 1, 1, 1))
    result = planes * 4
    result -= padded[:, :-2, 1:-1]
    result -= padded[:, 2:, 1:-1]
    result -= padded[:, 1:-1, :-2]
    result -= padded[:, 1:-1, 2:]
    return result


def _invert_laplacian(planes: Tensor) -> Tensor:
    """Solve the five-point Laplace equation with zeros around [C, H, W], exactly."""
    height, width = planes.shape[1:]
    spectrum = _sine_transform(_sine_transform(planes, 1), 2)
    spectrum /= _eigenvalues(height, planes)[:, None] + _eigenvalues(width, planes)[None, :]
    return _sine_transform(_sine_transform(spectrum, 1), 2) * (4 / ((height + 1) * (width + 1)))


def _eigenvalues(count: int, like: Tensor) -> Tensor:
    index = torch.arange(1, count + 1, dtype=like.dtype, device=like.device)
    return 2 - 2 * torch.cos(torch.pi * index / (count + 1))


def _sine_transform(planes: Tensor, axis: int) -> Tensor:
    """The sine transform of type I along an axis, unnormalised: sum of x[n] sin(pi (n+1)(k+1) / (N+1))."""
    count = planes.shape[axis]
    padded = functional.pad(planes.transpose(axis, -1), (1, count + 1))
    transformed: Tensor = torch.fft.rfft(padded, dim=-1).imag[..., 1 : count + 1]
    return -transformed.transpose(axis, -1)
