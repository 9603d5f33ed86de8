"""What an image in the role mask means: the written rule, case by case, and how much it selects."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.decode import Raster, mask_from
from multiedit.pipelines.images.edit_mask import select_frames, share_selected
from multiedit.pipelines.images.facts import MaskSelection
from multiedit.pipelines.images.input_image import ImageFile
from multiedit.pipelines.images.levels import MASK_EDGE
from PIL import Image, ImageDraw, ImageFilter

SIZE = (320, 256)
AREA = (80, 64, 239, 191)  # a quarter of the image, where each mask here says "change"
WHITE, TRANSPARENT, PAINTED = "its white part", "its transparent part", "its painted part"
INSIDE, OUTSIDE = (128, 160), (10, 10)


def _area(inside: Any, outside: Any, mode: str = "RGBA") -> Image.Image:
    image = Image.new(mode, SIZE, outside)
    ImageDraw.Draw(image).rectangle(AREA, fill=inside)
    return image


def _photograph(hole: Image.Image) -> Image.Image:
    """Many colours, transparent where `hole` is white."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    colours = np.stack([rows, columns * 0.8, rows ^ columns], axis=-1).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(colours).convert("RGBA")
    image.putalpha(hole.point(lambda level: 255 - level))
    return image


def _soft_strokes() -> Image.Image:
    image = Image.new("RGBA", SIZE, (20, 20, 20, 255))
    image.putalpha(_area(255, 0, "L").filter(ImageFilter.GaussianBlur(3)))
    return image


def _two_colours() -> Image.Image:
    image = _area((250, 10, 10, 255), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((80, 64, 239, 100), fill=(10, 10, 250, 255))
    return image


def _black_and_white_on_nothing() -> Image.Image:
    image = _area((255, 255, 255, 255), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((0, 200, 319, 255), fill=(0, 0, 0, 255))
    return image


def _file(image: Image.Image, kind: str = "png", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _mask(data: bytes) -> ImageFile:
    return ImageFile(data, Limits(), "image 2")


CASES: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "grey": (lambda: _area(255, 0, "L"), WHITE),
    "1-bit": (lambda: _area(1, 0, "1"), WHITE),
    "16-bit": (lambda: Image.fromarray(np.asarray(_area(255, 0, "L")).astype(np.uint16) * 257), WHITE),
    "RGB": (lambda: _area((255, 255, 255), (0, 0, 0), "RGB"), WHITE),
    "opaque RGBA": (lambda: _area((255, 255, 255, 255), (0, 0, 0, 255)), WHITE),
    "nearly opaque RGBA": (lambda: _area((255, 255, 255, 250), (0, 0, 0, 255)), WHITE),
    "as transparent everywhere": (lambda: _area((255, 255, 255, 90), (0, 0, 0, 90)), WHITE),
    "opaque grey and alpha": (lambda: _area((255, 255), (0, 255), "LA"), WHITE),
    "black and white on nothing": (_black_and_white_on_nothing, WHITE),
    "colours, half transparent in part": (lambda: _area((255, 255, 255, 255), (0, 0, 0, 160)), WHITE),
    "a photograph with a hole": (lambda: _photograph(_area(255, 0, "L")), TRANSPARENT),
    "a grey photograph with a hole": (lambda: _photograph(_area(255, 0, "L")).convert("LA"), TRANSPARENT),
    "black strokes": (lambda: _area((0, 0, 0, 255), (0, 0, 0, 0)), PAINTED),
    "black strokes over hidden white": (lambda: _area((0, 0, 0, 255), (255, 255, 255, 0)), PAINTED),
    "white strokes": (lambda: _area((255, 255, 255, 255), (0, 0, 0, 0)), PAINTED),
    "red strokes": (lambda: _area((250, 10, 10, 255), (0, 0, 0, 0)), PAINTED),
    "strokes of two colours": (_two_colours, PAINTED),
    "soft strokes": (_soft_strokes, PAINTED),
    "grey and alpha strokes": (lambda: _area((0, 255), (0, 0), "LA"), PAINTED),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("kind", "options"), [("png", {}), ("webp", {"lossless": True, "exact": True})])
def test_the_part_that_may_change_is_told_by_the_rule(case: str, kind: str, options: dict[str, bool]) -> None:
    make, meaning = CASES[case]
    image = make()
    file = _mask(
        _file(image if kind == "png" or image.mode != "I;16" else image.convert("L"), kind, **options)
    )
    selection = file.facts(detect_mask=False, is_mask=True).selection
    assert selection is not None
    assert selection.meaning == meaning
    assert selection.shares[0] == pytest.approx(0.25, abs=0.07)  # soft edges count
    mask = file.mask()[0]
    assert (mask[INSIDE], mask[OUTSIDE]) == (1, 0)
    assert file.mask((160, 128))[0, 64, 80] == 1


def test_faint_strokes_select_in_part() -> None:
    file = _mask(_file(_area((0, 0, 0, 102), (0, 0, 0, 0))))
    assert file.mask()[0][INSIDE].item() == pytest.approx(0.4)
    assert file.mask()[0][OUTSIDE] == 0


def test_a_half_transparent_part_of_a_photograph_may_change_in_part() -> None:
    file = _mask(_file(_photograph(_area(204, 0, "L"))))
    assert file.mask()[0][INSIDE].item() == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("RGBA", SIZE), "image 2 is transparent everywhere"),
        (Image.new("LA", SIZE, (255, 0)), "image 2 is transparent everywhere"),
        (_area((0, 0, 0, 0), (0, 0, 0, 255)), "a few colours over 75 %"),
        (_area((0, 0, 0, 0), (255, 255, 255, 255)), "a few colours over 75 %"),
        (_area((0, 0, 0, 0), (250, 10, 10, 255)), "a few colours over 75 %"),
    ],
    ids=["nothing", "nothing in grey", "black with a hole", "white with a hole", "red with a hole"],
)
def test_what_may_mean_the_contrary_is_refused_with_advice(image: Image.Image, words: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{words}.*without transparency: white where") as caught:
        _mask(_file(image)).facts(detect_mask=False, is_mask=True)
    assert caught.value.field == "multiedit.roles"


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize(("first", "dot"), [("black", "white"), ("white", "black")])
def test_nothing_and_everything_are_told_from_nearly_so(kind: str, first: str, dot: str) -> None:
    image = Image.new("L", (1600, 1200), first)
    whole = 0.0 if first == "black" else 1.0
    flat = _mask(_file(image, kind)).facts(detect_mask=False, is_mask=True).selection
    assert flat == MaskSelection((whole,), WHITE)
    image.paste(dot, (805, 603, 808, 606))
    nearly = _mask(_file(image, kind)).facts(detect_mask=False, is_mask=True).selection
    assert nearly is not None
    assert nearly.shares[0] == pytest.approx(whole, abs=0.001)
    assert nearly.shares[0] != whole


@pytest.mark.parametrize(("blue", "selects"), [(6, False), (40, True)])
def test_a_colour_selects_by_its_luma(blue: int, selects: bool) -> None:
    pixels = torch.zeros(40, 60, 3, dtype=torch.uint8)
    pixels[:20, :, 2] = blue
    share = share_selected(Raster(pixels))
    assert share == (0.5 if selects else 0.0)
    assert bool((mask_from(Raster(pixels)) >= MASK_EDGE).any()) is selects


def test_a_detected_mask_says_what_it_selects_and_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from multiedit.pipelines.images import decode

    calls: list[str] = []
    original = decode.decode
    monkeypatch.setattr(decode, "decode", lambda *given: calls.append(given[2]) or original(*given))
    file = _mask(_file(_area(255, 0, "L")))
    facts = file.facts(detect_mask=True)
    assert facts.looks_like_mask
    assert facts.selection is not None
    file.mask()
    assert calls == ["image 2"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_each_frame_of_a_tensor_has_its_share(dtype: torch.dtype) -> None:
    mask = torch.zeros(3, 1000, 1000)
    mask[0] = 1.0
    mask[1, :250] = 0.5
    mask[1, 250:] = 1 / 300  # less than an 8-bit step
    assert select_frames(mask.to(dtype)) == MaskSelection((1.0, 0.25, 0.0))


@pytest.mark.parametrize(
    ("level", "shares", "clear"), [(0, (0.0,), ()), (3, (1.0,), (0.0,)), (5, (1.0,), ())]
)
def test_noise_is_told_apart_in_tensors_and_in_files(
    level: int, shares: tuple[float, ...], clear: tuple[float, ...]
) -> None:
    assert select_frames(torch.full((1, 8, 8), level / 255)) == MaskSelection(shares, clear=clear)
    file = _mask(_file(Image.new("L", SIZE, level)))
    assert file.facts(detect_mask=False, is_mask=True).selection == MaskSelection(shares, WHITE, clear)
