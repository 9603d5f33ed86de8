"""What becomes of image 1 in a result of another shape."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.catalog.model import Model
from multiedit.pipelines.layers.placement import Box
from multiedit.pipelines.planning.shape import STRETCHED, cut_notes, shape_notes, shapes_apart, shown_box
from multiedit.pipelines.planning.size import resolve_size

CATALOG = load_catalog()
OURS, GENERATIVE = (CATALOG.get(model) for model in ("layer-composite", "firered-image-edit"))
OPEN = [model for model in CATALOG if model.weights == "open"]
# Phones, cameras, screens, paper and panoramas.
KNOWN = [
    (4032, 3024), (1280, 1024), (1170, 2532), (2000, 1000), (2480, 3508), (6000, 4000), (5472, 3648),
    (3840, 1600), (1179, 2556), (4000, 2250), (1001, 999),
]  # fmt: skip
RANDOM = random.Random(14)
SIZES = KNOWN + [(RANDOM.randint(256, 8000), RANDOM.randint(256, 8000)) for _ in range(200)]


def forced_by_grid(model: Model, made: tuple[int, int], ratio: float) -> bool:
    """Whether a ratio differs by half a step of the grid on each side at most, or by the model's bounds."""
    if max(made) / min(made) > model.max_ratio * 0.98 or max(made) > model.max_side - model.grid:
        return True
    rounding = sum(-math.log1p(-model.grid / 2 / side) for side in made)
    return abs(math.log(made[0] / made[1] / ratio)) <= rounding


@pytest.mark.parametrize("model", OPEN, ids=lambda model: model.id)
def test_auto_keeps_the_images_ratio_as_far_as_the_grid_allows(model: Model) -> None:
    for base in SIZES:
        for tier in model.tiers or (None,):
            size = resolve_size(model, None, tier, base)
            made = (size.width, size.height)
            assert made[0] % model.grid == made[1] % model.grid == 0
            assert forced_by_grid(model, made, base[0] / base[1]), (base, made)


@pytest.mark.parametrize("base", KNOWN)
def test_a_known_shape_comes_back_whole_from_every_open_model(base: tuple[int, int]) -> None:
    for model in OPEN:
        size = resolve_size(model, "auto", None, base)
        made = (size.width, size.height)
        assert shapes_apart(base, made) <= STRETCHED
        assert shown_box(base, made) == Box(0, 0, *made)
        notes = list(shape_notes(model, base, made, here=True, covers=False))
        assert all(note.endswith("nothing is cut.") for note in notes)


@pytest.mark.parametrize(
    ("model", "base", "size", "said"),
    [
        (
            "qwen-edit",
            (4000, 3000),
            (1024, 1024),
            "Image 1 is recomposed: 25 % of its 4000x3000 would not fit",
        ),
        ("qwen-edit", (4000, 3000), (1184, 888), ""),
        ("qwen-edit", (4000, 3000), (1184, 896), "Image 1 is stretched by 0.901 % to fit 1184x896"),
        ("qwen-edit", (4000, 3000), (1184, 928), "4.28 % of image 1 is cut away"),
        ("mage-flow-edit", (4000, 3000), (1024, 1024), "25 % of image 1 is cut away"),
        ("qwen-image-2.1-edit", (4000, 3000), (1024, 1024), "25 % of image 1 is cut away"),
    ],
)
def test_what_becomes_of_the_base_is_said_in_percent(
    model: str, base: tuple[int, int], size: tuple[int, int], said: str
) -> None:
    notes = list(shape_notes(CATALOG.get(model), base, size, here=True, covers=False))
    assert [note[: len(said)] for note in notes] == ([said] if said else [])


def test_a_provider_recomposes_and_a_mask_cuts() -> None:
    model = dataclasses.replace(GENERATIVE, weights="closed")
    provider = list(shape_notes(model, (4000, 3000), (1200, 900 + 96), here=False, covers=False))
    assert provider[0].startswith("Image 1 is recomposed: 9.64 %")
    masked = list(shape_notes(model, (4000, 3000), (1200, 900 + 96), here=False, covers=True))
    assert masked[0].startswith("9.64 % of image 1 is cut away")


@pytest.mark.parametrize(
    ("base", "size", "share"),
    [
        ((12000, 600), (1568, 672), "88.3 %"),
        ((600, 12000), (672, 1568), "88.3 %"),
        ((4000, 3000), (1024, 1024), "25 %"),
        ((4000, 3000), (4000, 3000), None),
        ((400, 300), (1184, 888), None),
        ((4001, 3000), (1184, 888), None),
    ],
)
def test_what_sticks_out_is_said_in_percent(
    base: tuple[int, int], size: tuple[int, int], share: str | None
) -> None:
    notes = list(cut_notes(OURS, base, size))
    assert [note.partition(" of image 1")[0] for note in notes] == ([share] if share else [])
    assert all("ask for keep_size" in note for note in notes)


@pytest.mark.parametrize(("height", "said"), [(912, False), (928, True)])
def test_what_the_models_grid_asks_for_is_not_said(height: int, said: bool) -> None:
    model = dataclasses.replace(GENERATIVE, grid=16)
    assert bool(list(cut_notes(model, (1200, height), (1200, 897)))) is said
