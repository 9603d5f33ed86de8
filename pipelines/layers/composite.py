"""Composite a LAYERS document: float, frame by frame, in strips, on the layers' device.

Each strip of rows is small enough to stay in the processor's cache while every layer goes over it. Only
the columns of a strip that some layer touches are taken to linear light and back; the rest of the base is
copied once. Beside the inputs, the result and a strip's buffers nothing is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor

from ..common.threads import in_parallel
from ..common.types import OnProgress
from ..images.levels import empty_float
from .blend import BLENDS, OVERSHOOTING
from .document import Document, Layer
from .light import to_encoded, to_encoded_exact, to_linear, to_linear_exact
from .modes import BLEND_MODES
from .placed import Patch, PlacedLayer
from .placement import CanvasWindow
from .planes import copy_pixels, copy_planes
from .seamless import seamless_layer

# The floats of one buffer of a strip (three channels). More would leave the cache; with fewer, threads wait
# for the interpreter between their short operations. A canvas of a few megapixels is cut finer, so that all
# the buffers together stay smaller than the canvas. One of at most `STRIP_FLOATS` is one strip.
STRIP_FLOATS = 2**19
_STRIP_FLOATS_GPU = 2**26
_LEAST_STRIP_FLOATS = 2**17
_LEAST_STRIPS = 24
_OPAQUE = 1.0 - 1e-3  # as core: an alpha this close to 1 everywhere is no alpha

Colour = tuple[float, float, float]
_Piece = TypeVar("_Piece")


def composite(
    document: Document, background: Colour | None = None, progress: OnProgress = lambda share: None
) -> Tensor:
    """Composite the visible layers, bottom first.

    Args:
        document: see document.py; layers may lie partly or fully off the canvas.
        background: sRGB colour, 0..1, under everything; None is transparent.
        progress: called after each strip of rows or frame of a small canvas, from the calling thread.

    Returns:
        float32 [B, height, width, 3], or [..., 4] with straight alpha where the result is not opaque
        everywhere; B is the largest number of frames of any image or mask. On the layers' device.
    """
    device = document.layers[0].image.device
    seen = _seen(document)
    opaque = background is not None or (bool(seen) and _hides_all(seen[0], document))
    channels = 3 if opaque else 4
    shape = (document.frames, document.height, document.width, channels)
    result = empty_float(*shape) if device.type == "cpu" else torch.empty(shape, device=device)
    frames = range(document.frames)
    if result[0].numel() <= STRIP_FLOATS:
        _in_pieces(
            lambda frame: _composite_frame(document, frame, background, result[frame]),
            frames,
            device,
            progress,
        )
    else:
        for frame in frames:
            part = _part(progress, frame, document.frames)
            _composite_frame(document, frame, background, result[frame], part)
    if result.shape[3] == 4 and bool((result[..., 3] >= _OPAQUE).all()):
        return result[..., :3].contiguous()
    return result


def _part(progress: OnProgress, index: int, count: int) -> OnProgress:
    """The progress of one of several parts of equal size."""
    return lambda share: progress((index + share) / count)


def _seen(document: Document) -> list[Layer]:
    """The visible layers from the topmost one that hides everything under it."""
    layers = [layer for layer in document.layers if layer.visible and layer.opacity > 0]
    hiding = [index for index, layer in enumerate(layers) if _hides_all(layer, document)]
    return layers[hiding[-1] :] if hiding else layers


def _hides_all(layer: Layer, document: Document) -> bool:
    box = layer.box
    return (
        _replaces(layer)
        and layer.rotation == 0
        and layer.image.shape[3] == 3
        and layer.mask is None
        and not layer.seamless
        and box.x <= 0
        and box.y <= 0
        and box.x + box.width >= document.width
        and box.y + box.height >= document.height
    )


def _replaces(layer: Layer) -> bool:
    """Return whether a layer on an empty canvas gives its own pixels, seamless or not."""
    return layer.blend_mode == "normal" and layer.opacity == 1


def _composite_frame(
    document: Document,
    frame: int,
    background: Colour | None,
    canvas: Tensor,
    progress: OnProgress = lambda share: None,
) -> None:
    layers = _seen(document)
    parts = 2 + sum(layer.seamless for layer in layers)  # the base, and what each seamless layer parts
    steps = (_part(progress, index, parts) for index in range(parts))
    size = (document.width, document.height)
    run: list[PlacedLayer] = []
    first = next(steps)
    covered = bool(layers) and _hides_all(layers[0], document)
    if not covered:
        canvas.zero_()
        if background is not None:
            canvas[:] = canvas.new_tensor(background)
    if covered or (background is None and layers and _replaces(layers[0])):
        _copy_base(PlacedLayer(layers.pop(0), frame, size), canvas, first)
    whole = CanvasWindow(0, document.height, 0, document.width)
    for layer in layers:
        placed = PlacedLayer(layer, frame, size)
        if placed.visible(whole) is None:
            continue
        if layer.seamless:
            _blend_run(run, canvas, next(steps))
            run = []
            placed = PlacedLayer(seamless_layer(placed, canvas), 0, size)
        run.append(placed)
    _blend_run(run, canvas, next(steps))
    progress(1.0)


def _copy_base(base: PlacedLayer, canvas: Tensor, progress: OnProgress) -> None:
    """Copy the bottom layer onto the canvas, with the colours under an alpha of 0."""
    whole = CanvasWindow(0, canvas.shape[0], 0, canvas.shape[1])
    window = base.visible(whole)
    if window is None:
        return
    plain = window == whole and base.unchanged and base.mask is None and base.image.shape == canvas.shape

    def copy(strip: CanvasWindow) -> None:
        if plain:
            canvas[strip.top : strip.bottom] = base.image[strip.top : strip.bottom]
            return
        region = canvas[strip.top : strip.bottom, strip.left : strip.right]
        patch = base.read(strip)
        copy_pixels(region[..., :3], patch.colour)
        if region.shape[2] == 4:
            region[..., 3] = 1.0 if patch.alpha is None else patch.alpha

    _in_pieces(copy, list(split_strips(canvas, window)), canvas.device, progress)


def _in_pieces(
    work: Callable[[_Piece], None], pieces: Sequence[_Piece], device: torch.device, progress: OnProgress
) -> None:
    done = in_parallel(work, pieces) if device.type == "cpu" else map(work, pieces)
    for count, _ in enumerate(done, start=1):
        progress(count / len(pieces))


def split_strips(canvas: Tensor, window: CanvasWindow) -> Iterator[CanvasWindow]:
    floats = STRIP_FLOATS
    if canvas.device.type != "cpu":
        floats = _STRIP_FLOATS_GPU
    elif canvas.numel() > STRIP_FLOATS:
        floats = min(STRIP_FLOATS, max(_LEAST_STRIP_FLOATS, canvas.numel() // _LEAST_STRIPS))
    rows = max(8, floats // (3 * (window.right - window.left)))
    for top in range(window.top, window.bottom, rows):
        yield window._replace(top=top, bottom=min(top + rows, window.bottom))


def _blend_run(layers: list[PlacedLayer], canvas: Tensor, progress: OnProgress) -> None:
    """Blend layers over the canvas in place, strip by strip."""
    whole = CanvasWindow(0, canvas.shape[0], 0, canvas.shape[1])
    parts = _visible(layers, whole)
    if not parts:
        return
    strips = list(split_strips(canvas, _around(parts)))
    _in_pieces(partial(_blend_strip, layers, canvas), strips, canvas.device, progress)


def _visible(layers: list[PlacedLayer], window: CanvasWindow) -> list[tuple[PlacedLayer, CanvasWindow]]:
    """The layers that a window shows, each with the part of the window that it can touch."""
    return [(layer, part) for layer in layers if (part := layer.visible(window)) is not None]


def _around(parts: list[tuple[PlacedLayer, CanvasWindow]]) -> CanvasWindow:
    tops, bottoms, lefts, rights = zip(*(part for _, part in parts), strict=True)
    return CanvasWindow(min(tops), max(bottoms), min(lefts), max(rights))


def _within(window: CanvasWindow, part: CanvasWindow) -> tuple[slice, slice]:
    """The rows and columns of a window that a part of it takes."""
    rows = slice(part.top - window.top, part.bottom - window.top)
    return rows, slice(part.left - window.left, part.right - window.left)


def _blend_strip(layers: list[PlacedLayer], canvas: Tensor, strip: CanvasWindow) -> None:
    parts = _visible(layers, strip)
    if not parts:
        return
    touched = _around(parts)
    region = canvas[touched.top : touched.bottom, touched.left : touched.right]
    alpha = region[..., 3].clone() if region.shape[2] == 4 else None
    encoded = region.new_empty(3, *region.shape[:2])
    copy_planes(encoded, region[..., :3])
    colour = to_linear(encoded)
    exact = False
    places = [_within(touched, part) for _, part in parts]
    for index, ((layer, part), (rows, columns)) in enumerate(zip(parts, places, strict=True)):
        exact = exact or layer.layer.blend_mode in OVERSHOOTING
        _blend_patch(
            colour[:, rows, columns],
            encoded[:, rows, columns] if index == 0 else None,
            None if alpha is None else alpha[rows, columns],
            layer.read(part),
            layer.layer,
            exact,
        )
    encoded = to_encoded(colour)
    for rows, columns in places:  # what no layer touches keeps its bits
        copy_pixels(region[rows, columns, :3], encoded[:, rows, columns])
    if alpha is not None:
        region[..., 3] = alpha


def _blend_patch(
    colour: Tensor, encoded: Tensor | None, alpha: Tensor | None, patch: Patch, layer: Layer, exact: bool
) -> None:
    """Blend a patch into the canvas, in place.

    Args:
        colour: linear light, [3, h, w]; written to.
        encoded: the same in sRGB where it is at hand, which spares converting back.
        alpha: [h, w], or None for an opaque canvas; written to.
        exact: whether the colour may have left 0..1.
    """
    mode, blend = BLEND_MODES[layer.blend_mode], BLENDS[layer.blend_mode]
    if mode.light == "linear":
        mixed = blend(colour, to_linear(patch.colour))
    elif exact:
        mixed = to_linear_exact(blend(to_encoded_exact(colour), patch.colour))
    else:
        mixed = to_linear(blend(to_encoded(colour) if encoded is None else encoded, patch.colour))
    weight = torch.full_like(colour[0], layer.opacity)
    if patch.alpha is not None:
        weight *= patch.alpha
    if alpha is not None:
        if mode.coverage == "backdrop":
            weight *= alpha > 0
        else:
            alpha += weight * (1 - alpha)
            weight /= alpha.clamp(min=1e-12)
    colour.lerp_(mixed, weight)
