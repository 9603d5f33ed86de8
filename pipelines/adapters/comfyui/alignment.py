"""Measure how far a model's output lies from the base outside the mask, and move it back.

Phase correlation of small tiles that lie outside the mask, each under a Hann window. Their cross spectra are
added and divided by the spectra of both (the coherence, Carter 1987), so that a frequency counts by how well
the tiles agree on it; the peak is looked up to a sixteenth of a pixel by a matrix Fourier transform
(Guizar-Sicairos et al. 2008, "Efficient subpixel image registration algorithms"). A second pass on tiles that
are moved by the whole pixels found takes away the window's pull towards 0.

A shift is clear, and only then corrected, where the tiles have something to see and agree on it, where the
halves of the image agree (a zoom or a turn is no shift), and where the output lies nearer to the base after.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from ...images.levels import luma

LARGEST_SHIFT = 8
"""Pixels; a larger one is not looked for."""
_TILE = 64
_MOST_TILES = 256
_FEWEST_TILES = 4
_FINE = 16  # steps of a pixel
_HIGHEST_FREQUENCY = 0.25  # cycles a pixel: what a VAE keeps
_LEAST_TEXTURE = 1.5 / 255  # standard deviation of a tile's luma
_LEAST_COHERENCE = 0.3
_HALVES_AGREE = 0.3  # pixels
_LEAST_GAIN = 0.1  # of the difference that the correction has to take away
_SMOOTH = 5  # pixels
_LOBES = 4  # of the kernel that moves by half a pixel


class Shift(NamedTuple):
    """How far an output lies to the right of the base and below it, in pixels: whole and half ones."""

    x: float
    y: float


class _Found(NamedTuple):
    x: float
    y: float
    coherence: float


def measure_shift(output: Tensor, base: Tensor, keep: Tensor) -> Shift | None:
    """Measure the shift of a model's output; None where it is not clear, `Shift(0, 0)` where there is none.

    Args:
        output, base: float32 [H, W, 3 or more], 0..1, sRGB; only the first three channels count.
        keep: bool [H, W], where both should show the same.
    """
    made, own = luma(output), luma(base)
    places = _textured(_places(keep), made, own)
    if len(places) < _FEWEST_TILES:
        return None
    found = _locate(made, own, places)
    if found is None or not _halves_agree(made, own, places, found):
        return None
    shift = Shift(round(2 * found.x) / 2, round(2 * found.y) / 2)
    return shift if shift == (0, 0) or _comes_nearer(made, own, places, shift) else None


def moved_back(image: Tensor, shift: Shift) -> Tensor:
    """Undo a shift of an image [H, W, C], 0..1; what comes in from outside repeats the border.

    Half pixels are interpolated with a windowed sinc (Lanczos) of eight samples.
    """
    planes = image.movedim(-1, 0)
    planes = _moved(planes, shift.x)
    planes = _moved(planes.transpose(1, 2), shift.y).transpose(1, 2)
    return planes.movedim(0, -1).clamp(0.0, 1.0)


def _moved(planes: Tensor, distance: float) -> Tensor:
    """Move [C, H, W] to the left by a multiple of half a pixel."""
    if distance == 0:
        return planes
    whole = int(distance // 1)
    half = distance != whole
    reach = abs(whole) + _LOBES
    around = pad(planes[None], (reach, reach, 0, 0), mode="replicate")[0]
    width = planes.shape[2]
    first = reach + whole
    if not half:
        return around[..., first : first + width]
    at = torch.arange(-_LOBES + 1, _LOBES + 1, dtype=torch.float64) - 0.5
    taps = torch.sinc(at) * torch.sinc(at / _LOBES)
    result = torch.zeros_like(planes)
    for tap, offset in zip((taps / taps.sum()).tolist(), range(-_LOBES + 1, _LOBES + 1), strict=True):
        result.add_(around[..., first + offset : first + offset + width], alpha=tap)
    return result


def _places(keep: Tensor) -> list[tuple[int, int]]:
    """(top, left) of tiles that lie in `keep`, as far from the border as a shift may reach; evenly chosen."""
    height, width = keep.shape
    rows = range(LARGEST_SHIFT, height - _TILE - LARGEST_SHIFT + 1, _TILE)
    columns = range(LARGEST_SHIFT, width - _TILE - LARGEST_SHIFT + 1, _TILE)
    found = [
        (top, left)
        for top in rows
        for left in columns
        if bool(keep[top : top + _TILE, left : left + _TILE].all())
    ]
    step = max(1, len(found) / _MOST_TILES)
    return [found[int(step * number)] for number in range(min(len(found), _MOST_TILES))]


def _textured(places: list[tuple[int, int]], *images: Tensor) -> list[tuple[int, int]]:
    """The places where each image has something to see."""
    if not places:
        return []
    deviations = torch.stack([_tiles(image, places).std(dim=(1, 2)) for image in images]).amin(dim=0)
    chosen = (deviations >= _LEAST_TEXTURE).tolist()
    return [place for place, textured in zip(places, chosen, strict=True) if textured]


def _tiles(image: Tensor, places: list[tuple[int, int]], x: int = 0, y: int = 0) -> Tensor:
    """Tiles [N, 64, 64] of an image [H, W], moved by whole pixels."""
    return torch.stack(
        [image[top + y : top + y + _TILE, left + x : left + x + _TILE] for top, left in places]
    )


def _locate(made: Tensor, own: Tensor, places: list[tuple[int, int]]) -> _Found | None:
    """Find the shift in two passes; None where the tiles do not agree on one."""
    coarse = _peak(_spectrum(_tiles(made, places), _tiles(own, places)), LARGEST_SHIFT)
    x, y = round(coarse.x), round(coarse.y)
    if not coarse.coherence > 0 or max(abs(x), abs(y)) >= LARGEST_SHIFT:
        return None
    rest = _peak(_spectrum(_tiles(made, places, x, y), _tiles(own, places)), 1)
    if not rest.coherence >= _LEAST_COHERENCE:
        return None
    return _Found(x + rest.x, y + rest.y, rest.coherence)


def _spectrum(made: Tensor, own: Tensor) -> Tensor:
    """The coherent cross spectrum [64, 33] of tiles [N, 64, 64], limited to low frequencies."""
    hann = torch.hann_window(_TILE, device=own.device)
    window = hann[:, None] * hann
    first, second = (
        torch.fft.rfft2((tiles - tiles.mean(dim=(1, 2), keepdim=True)) * window) for tiles in (made, own)
    )
    cross = (first * second.conj()).sum(dim=0)
    power = (first.abs().square().sum(dim=0) * second.abs().square().sum(dim=0)).sqrt()
    down, across = torch.fft.fftfreq(_TILE), torch.fft.rfftfreq(_TILE)
    distance = (down[:, None].square() + across.square()).sqrt()
    band = ((distance > 1 / _TILE) & (distance <= _HIGHEST_FREQUENCY)).to(own.device)
    return torch.where(band, cross / power.clamp(min=1e-12), 0.0)


def _peak(spectrum: Tensor, reach: int) -> _Found:
    """The peak of the correlation within `reach` pixels, and how coherent the tiles are there, up to 1."""
    step = 1 if reach > 1 else 1 / _FINE
    at = torch.arange(-reach, reach + step, step, dtype=torch.float32, device=spectrum.device)
    down, across = torch.fft.fftfreq(_TILE).to(at), torch.fft.rfftfreq(_TILE).to(at)
    turn_down = torch.exp(2j * torch.pi * at[:, None] * down)
    turn_across = torch.exp(2j * torch.pi * across[:, None] * at)
    surface = (turn_down @ spectrum @ turn_across).real
    best = int(surface.argmax())
    row, column = divmod(best, len(at))
    used = int((spectrum != 0).sum())
    coherence = float(surface[row, column]) / max(1, used)
    return _Found(float(at[column]), float(at[row]), coherence)


def _halves_agree(made: Tensor, own: Tensor, places: list[tuple[int, int]], found: _Found) -> bool:
    """Whether left and right, upper and lower half have the shift of the whole."""
    for axis in (0, 1):
        ordered = sorted(places, key=lambda place: place[axis])
        middle = len(ordered) // 2
        for half in (ordered[:middle], ordered[middle:]):
            part = _locate(made, own, half)
            if part is None or max(abs(part.x - found.x), abs(part.y - found.y)) > _HALVES_AGREE:
                return False
    return True


def _comes_nearer(made: Tensor, own: Tensor, places: list[tuple[int, int]], shift: Shift) -> bool:
    """Whether the tiles differ less from the base's once moved back, but for brightness and contrast."""
    base = _smooth(_tiles(own, places))

    def difference(image: Tensor) -> float:
        tiles = _smooth(_tiles(image, places))
        contrast = (tiles * base).sum() / tiles.square().sum()
        return float((contrast * tiles - base).abs().mean())

    return difference(moved_back(made[..., None], shift)[..., 0]) <= (1 - _LEAST_GAIN) * difference(made)


def _smooth(tiles: Tensor) -> Tensor:
    """Tiles about their mean, without what a VAE loses and its noise."""
    smooth = avg_pool2d(tiles, _SMOOTH, stride=1)
    return smooth - smooth.mean(dim=(1, 2), keepdim=True)
