"""Read an image as an edit mask, by what is in it: 1 = change here, 0 = keep.

The rule, on the upright image; a part is transparent where its alpha is at most half of the largest:

1. Opaque, or as transparent everywhere (within 16 levels): its white part may change. Grey counts as it
   stands, colour by its luma.
2. With transparent parts, and black and white elsewhere, or in a few colours whose alpha varies without a
   transparent part: its white part may change, by its alpha.
3. With transparent parts, and painted in a few colours elsewhere: its painted part may change, whatever the
   colour. Where that is more than half of the image it may as well be a surface with a hole, and is refused.
4. With transparent parts of anything else, such as a photograph: its transparent part may change, as in
   OpenAI's masks and those of ComfyUI's mask editor.

An image that is transparent everywhere is refused. Black and white means grey (within 8 levels), with at
least 90 % within 16 levels of black or white, and some of both. A few colours means that 8 of them, in steps
of 8 levels, make up 90 %.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..common.errors import InvalidRequest
from .color import strip_rows
from .decode import Raster
from .facts import MaskSelection
from .levels import FAINTEST, MASK_EDGE, empty_float, luma

SAMPLE_SIDE = 256  # what an image looks like is judged by about this many pixels a side
_GREY_SPREAD = 8  # levels between a pixel's channels, which JPEG's colour coding leaves in a grey image
_EXTREME = 16  # levels from black or white
_MOST = 0.9
_UNIFORM_ALPHA = 16 / 255
_COLOUR_STEP, _FEW_COLOURS = 8, 8
_FIELD = "multiedit.roles"
_ADVICE = "Send it without transparency: white where image 1 may change, black where it is kept."


class EditMaskImage(NamedTuple):
    """What an image says as an edit mask.

    Attributes:
        raster: opaque, white = change here.
        meaning: the part of the image that may change, in words.
    """

    raster: Raster
    meaning: str


def read_edit_mask(raster: Raster, name: str) -> EditMaskImage:
    """Read an image as an edit mask by the module's rule.

    Raises:
        InvalidRequest: it can mean one thing as well as its contrary.
    """
    pixels = raster.pixels
    white = "its white part"
    if pixels.shape[2] in (1, 3):
        return EditMaskImage(raster, white)
    colour, alpha = pixels[..., :-1], pixels[..., -1:]
    low, high = (float(value) / _white(alpha) for value in torch.aminmax(alpha))
    if high < _UNIFORM_ALPHA:
        raise InvalidRequest(
            f"{name} is transparent everywhere, which selects nothing as a mask. {_ADVICE}", field=_FIELD
        )
    if high - low < _UNIFORM_ALPHA:
        return EditMaskImage(Raster(colour), white)
    seen, share = _seen(pixels, high / 2)
    few_colours = _few_colours(seen)
    if _extremes(seen) == 2 or (few_colours and low > high / 2):
        return EditMaskImage(Raster(_faded(colour, alpha)), white)
    if not few_colours:
        return EditMaskImage(Raster(_white(alpha) - alpha), "its transparent part")
    if share > 0.5:
        raise InvalidRequest(
            f"{name} has a few colours over {100 * share:.0f} % and is transparent elsewhere: as a mask it "
            f"can mean the one part or the other. {_ADVICE}",
            field=_FIELD,
        )
    return EditMaskImage(Raster(alpha), "its painted part")


def looks_like_mask(raster: Raster) -> bool:
    """Return whether an image is opaque, and black and white or one of them."""
    sample = _sample(raster.pixels)
    if sample.shape[2] in (2, 4) and bool((sample[..., -1] < _white(sample)).any()):
        return False
    return _extremes(_levels(sample[..., : 3 if sample.shape[2] >= 3 else 1]).flatten(0, 1)) > 0


def share_selected(raster: Raster, faintest: float = MASK_EDGE) -> float:
    """Return the share of an opaque mask, 0..1, that may change; 0 and 1 are exact, the others a sample's.

    What is fainter than `faintest` is out.
    """
    share = _share(_sample(raster.pixels), faintest)
    return share if 0.0 < share < 1.0 else _share(raster.pixels, faintest)


def select_frames(mask: Tensor) -> MaskSelection:
    """Return the share that each frame of an edit mask [B, h, w] selects."""
    shares, clear = (
        tuple((torch.count_nonzero(mask >= faintest, dim=(1, 2)) / mask[0].numel()).tolist())
        for faintest in (MASK_EDGE, FAINTEST)
    )
    return MaskSelection(shares, clear=clear if clear != shares else ())


def _share(pixels: Tensor, faintest: float) -> float:
    height, width = pixels.shape[:2]
    selected = 0
    for rows in strip_rows(height, width):
        light = luma(_shares(pixels[rows])) if pixels.shape[2] == 3 else _shares(pixels[rows, :, 0])
        selected += int(torch.count_nonzero(light >= faintest))
    return selected / (height * width)


def _sample(pixels: Tensor) -> Tensor:
    height, width = pixels.shape[:2]
    return pixels[:: height // SAMPLE_SIDE + 1, :: width // SAMPLE_SIDE + 1]


def _seen(pixels: Tensor, threshold: float) -> tuple[Tensor, float]:
    """Levels [N, 1 or 3] of what is not transparent, of a sample that has some, and its share."""
    for sample in (_sample(pixels), pixels):
        seen = _shares(sample[..., -1]) > threshold
        if bool(seen.any()):
            break
    return _levels(sample[..., :-1][seen]), float(seen.float().mean())


def _extremes(levels: Tensor) -> int:
    """Count which of black and white there are in levels [N, 1 or 3]; 0 where they are not nearly all."""
    low, high = torch.aminmax(levels, dim=-1)
    black, white = high <= _EXTREME, low >= 255 - _EXTREME
    if (high - low).max() > _GREY_SPREAD or (black | white).float().mean() < _MOST:
        return 0
    return int(black.any()) + int(white.any())


def _few_colours(levels: Tensor) -> bool:
    """Judge levels [N, 1 or 3]."""
    steps = (levels / _COLOUR_STEP).floor().int()
    counts = torch.unique(steps, dim=0, return_counts=True)[1]
    return bool(counts.sort(descending=True).values[:_FEW_COLOURS].sum() >= _MOST * len(levels))


def _faded(colour: Tensor, alpha: Tensor) -> Tensor:
    """Colour times alpha as float32 0..1."""
    faded = empty_float(*colour.shape)
    for rows in strip_rows(*colour.shape[:2]):
        torch.mul(_shares(colour[rows]), _shares(alpha[rows]), out=faded[rows])
    return faded


def _shares(pixels: Tensor) -> Tensor:
    """Levels or floats as float32 0..1."""
    return pixels / _white(pixels)


def _levels(pixels: Tensor) -> Tensor:
    """Levels or floats as float32 levels 0..255."""
    return pixels.float() if pixels.dtype == torch.uint8 else (pixels * 255).round()


def _white(pixels: Tensor) -> int:
    return 255 if pixels.dtype == torch.uint8 else 1
