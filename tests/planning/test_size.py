from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.catalog.model import TIER_SIDES, Model, parse_ratio
from multiedit.pipelines.common.errors import InvalidRequest, UnsupportedValue
from multiedit.pipelines.planning.size import (
    AREA_TOLERANCE,
    area_tolerance,
    nearest_size,
    resolve_size,
    size_on_grid,
)

CATALOG = load_catalog()
OURS = CATALOG.get("layer-composite")
EVERYTHING = [
    (model, ratio, tier)
    for model in CATALOG
    for ratio in model.fixed_ratios
    for tier in model.tiers or (None,)
]

# Google's own table, tier 1K; 2K and 4K are exactly twice and four times.
NANO_BANANA = {
    "1:1": (1024, 1024), "3:2": (1264, 848), "2:3": (848, 1264), "3:4": (896, 1200), "4:5": (928, 1152),
    "16:9": (1376, 768), "9:16": (768, 1376), "21:9": (1584, 672),
}  # fmt: skip


def size(model_id: str, ratio: str | None, tier: str | None = None, **more: object) -> tuple[int, int]:
    answer = resolve_size(CATALOG.get(model_id), ratio, tier, **more)  # type: ignore[arg-type]
    return answer.width, answer.height


@pytest.mark.parametrize("model_id", ["nano-banana-2-edit", "nano-banana-pro-edit"])
@pytest.mark.parametrize(("tier", "factor"), [("1K", 1), ("2K", 2), ("4K", 4)])
@pytest.mark.parametrize("ratio", NANO_BANANA)
def test_nano_banana_has_googles_sizes(model_id: str, tier: str, factor: int, ratio: str) -> None:
    width, height = NANO_BANANA[ratio]
    assert size(model_id, ratio, tier) == (width * factor, height * factor)


@pytest.mark.parametrize(
    ("model_id", "ratio", "tier", "expected"),
    [
        ("gpt-image-1-5-edit", "1:1", None, (1024, 1024)),
        ("gpt-image-1-5-edit", "3:2", None, (1536, 1024)),
        ("gpt-image-1-5-edit", "2:3", None, (1024, 1536)),
        ("gpt-image-2-edit", "1:1", "1K", (1024, 1024)),
        ("gpt-image-2-edit", "1:1", "2K", (2048, 2048)),
        ("gpt-image-2-edit", "1:1", "4K", (2880, 2880)),
        ("gpt-image-2-edit", "16:9", "4K", (3840, 2160)),
        ("gpt-image-2-edit", "9:16", "4K", (2160, 3840)),
        ("seedream-v4-edit", "16:9", None, (2848, 1600)),
        ("seedream-v5-lite-edit", "4:5", None, (1728, 2160)),
        ("firered-image-edit", "1:1", None, (1024, 1024)),
        ("firered-image-edit", "3:2", None, (1248, 832)),
        ("firered-image-edit", "16:9", None, (1376, 768)),
        ("layer-composite", "16:9", "1K", (1376, 774)),
        ("layer-composite", "21:9", "1K", (1568, 672)),
        ("layer-composite", "4:3", "2K", (2368, 1776)),
    ],
)
def test_known_sizes(model_id: str, ratio: str, tier: str | None, expected: tuple[int, int]) -> None:
    assert size(model_id, ratio, tier) == expected


@pytest.mark.parametrize(("model", "ratio", "tier"), EVERYTHING, ids=lambda part: getattr(part, "id", part))
def test_every_size_is_on_the_grid_inside_the_bounds_and_near_its_ratio(
    model: Model, ratio: str, tier: str | None
) -> None:
    width, height = size(model.id, ratio, tier)
    a, b = parse_ratio(ratio)
    assert width % model.grid == height % model.grid == 0
    assert width % 2 == height % 2 == 0
    assert model.min_pixels <= width * height <= model.max_pixels
    assert max(width, height) <= model.max_side
    assert width / height == pytest.approx(a / b, rel=0.02)


@pytest.mark.parametrize("model", [model for model in CATALOG if model.tiers], ids=lambda model: model.id)
def test_a_larger_tier_is_larger_on_both_sides(model: Model) -> None:
    for ratio in model.fixed_ratios:
        sizes = [size(model.id, ratio, tier) for tier in model.tiers]
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in itertools.pairwise(sizes)), ratio


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_a_swapped_ratio_swaps_the_size(model: Model) -> None:
    for ratio in model.fixed_ratios:
        swapped = ":".join(reversed(ratio.split(":")))
        if swapped in model.ratios:
            assert size(model.id, ratio) == size(model.id, swapped)[::-1]


grids = st.sampled_from([1, 2, 8, 16, 32])
ratios = st.tuples(st.integers(1, 15), st.integers(1, 15))  # at 4K, 15:1 still fits into 16384 pixels
areas = st.sampled_from([side * side for side in TIER_SIDES.values()])


@st.composite
def models(draw: st.DrawFn) -> Model:
    """A model whose bounds cut into the tiers, but leave room for the ratios it takes."""
    low = draw(st.integers(1, 2_000_000))
    return dataclasses.replace(
        OURS,
        grid=draw(grids),
        min_pixels=low,
        max_pixels=draw(st.integers(max(2 * low, 500_000), 20_000_000)),
        max_side=draw(st.integers(6000, 9000)),
        max_ratio=draw(st.sampled_from([3, 8, 16])),
    )


@settings(max_examples=150, deadline=None)
@given(models(), ratios, areas)
def test_any_size_is_on_the_grid_and_inside_the_bounds(
    model: Model, ratio: tuple[int, int], area: int
) -> None:
    width, height = size_on_grid(model, ratio, area)
    assert width % model.grid == height % model.grid == 0
    assert model.min_pixels <= width * height <= model.max_pixels
    assert max(width, height) <= model.max_side
    assert max(width, height) <= min(width, height) * model.max_ratio
    assert (height, width) == size_on_grid(model, ratio[::-1], area)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([8, 16, 32]), ratios, areas)
def test_no_grid_point_near_the_area_has_a_better_ratio(grid: int, ratio: tuple[int, int], area: int) -> None:
    model = dataclasses.replace(OURS, grid=grid)
    a, b = ratio

    def errors(width: int, height: int) -> tuple[float, float]:
        return abs(math.log(width * b / (height * a))), abs(math.log(width * height / area))

    chosen = size_on_grid(model, ratio, area)
    tolerance = area_tolerance(math.lcm(grid, 2), max(a / b, b / a), area)
    low, high = area * (1 - tolerance), area * (1 + tolerance)
    ideal = math.sqrt(area * b / a)
    rows = range(max(grid, int(ideal * 0.75) // grid * grid), int(ideal * 1.25) + 2 * grid, grid)
    points = [
        (width, height)
        for height in rows
        for width in range(-(-int(low) // height // grid) * grid, int(high) // height + grid, grid)
        if width and low <= width * height <= high
    ]
    best = min(errors(*point) for point in points)
    assert errors(*chosen)[0] == pytest.approx(best[0], abs=1e-12)
    assert errors(*chosen)[1] <= best[1] + 1e-9 or errors(*chosen)[0] < best[0]


@pytest.mark.parametrize("aspect_ratio", [None, "auto"])
@pytest.mark.parametrize(
    ("base", "closest"),
    [
        ((4000, 3000), "3:2"),  # |ln| 0.118 to 3:2, 0.288 to 1:1; the list has no 4:3
        ((3000, 4000), "3:4"),
        ((1000, 1000), "1:1"),
        ((7680, 4320), "16:9"),
        ((1000, 100), "21:9"),
        ((100, 1000), "9:16"),
        ((2000, 1000), "16:9"),  # a factor of 1.125 from 16:9, of 1.167 from 21:9
    ],
)
def test_auto_takes_the_closest_ratio_of_the_list_for_a_closed_model_and_where_asked_for(
    aspect_ratio: str | None, base: tuple[int, int], closest: str
) -> None:
    open_model, closed = CATALOG.get("firered-image-edit"), CATALOG.get("flux-2-max-edit")
    assert resolve_size(closed, aspect_ratio, None, base).aspect_ratio == closest
    snapped = resolve_size(open_model, aspect_ratio, None, base, snap_ratio=True)
    assert snapped.aspect_ratio == closest
    assert f"{closest} is closest to image 1's {base[0]}x{base[1]}" in snapped.notes[0]


def test_an_exact_tie_goes_to_the_earlier_ratio() -> None:
    two = dataclasses.replace(OURS, weights="closed", ratios=("auto", "4:1", "1:1"))
    assert resolve_size(two, None, "1K", (2000, 1000)).aspect_ratio == "4:1"
    assert (
        resolve_size(dataclasses.replace(two, ratios=("1:1", "4:1")), None, "1K", (2, 1)).aspect_ratio
        == "1:1"
    )


def test_a_list_without_auto_accepts_omission_and_refuses_the_word() -> None:
    model = CATALOG.get("qwen-image-2-edit")
    assert resolve_size(model, None, None, (1600, 900)).aspect_ratio == "16:9"
    with pytest.raises(
        UnsupportedValue, match="Supported: 1:1, 3:2, 16:9, 21:9, 9:16, 2:3, 3:4, 4:5"
    ) as caught:
        resolve_size(model, "auto", None, (1600, 900))
    assert caught.value.field == "aspect_ratio"


@pytest.mark.parametrize(
    ("base", "ratio"),
    [((1600, 900), 16 / 9), ((900, 1600), 9 / 16), ((64, 500_000), 1 / 8), ((997, 991), 1.006)],
)
def test_a_model_that_only_takes_auto_follows_the_image(base: tuple[int, int], ratio: float) -> None:
    model = CATALOG.get("wan-2-7-pro-edit")
    for tier, pixels in (("1K", 1024**2), ("2K", 2048**2)):
        width, height = size(model.id, None, tier, base=base)
        assert width / height == pytest.approx(ratio, rel=0.02)
        assert width * height == pytest.approx(pixels, rel=AREA_TOLERANCE)
        assert width * height <= model.max_pixels
    with pytest.raises(UnsupportedValue, match="Supported: auto"):
        resolve_size(model, "16:9", None, base)


def test_a_tier_that_the_model_lacks_is_refused_with_the_list() -> None:
    with pytest.raises(UnsupportedValue, match=r"does not support resolution '8K'\. Supported: 1K, 2K") as e:
        resolve_size(CATALOG.get("grok-imagine-edit"), "1:1", "8K")
    assert e.value.field == "resolution"


def test_a_model_without_tiers_drops_the_resolution_with_a_note() -> None:
    answer = resolve_size(CATALOG.get("firered-image-edit"), "1:1", "4K")
    assert (answer.width, answer.height, answer.tier) == (1024, 1024, None)
    assert any("'4K' is dropped" in note for note in answer.notes)


def test_an_explicit_size_needs_no_note() -> None:
    assert resolve_size(OURS, "16:9", "2K").notes == ()


def test_a_closed_model_without_a_table_says_that_its_size_is_an_estimate() -> None:
    assert "estimate" in resolve_size(CATALOG.get("grok-imagine-edit"), "1:1", "1K").notes[-1]
    assert resolve_size(CATALOG.get("nano-banana-2-edit"), "1:1", "1K").notes == ()


def test_without_an_image_the_ratio_must_be_given() -> None:
    with pytest.raises(InvalidRequest, match="no image") as caught:
        resolve_size(OURS, "auto", "1K")
    assert caught.value.field == "aspect_ratio"


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
@pytest.mark.parametrize("base", [(4001, 3001), (256, 256), (7680, 4320), (64, 20_000)])
def test_keep_size_has_the_images_exact_size_and_a_working_size_of_the_model(
    model: Model, base: tuple[int, int]
) -> None:
    answer = resolve_size(model, None, None, base, keep_size=True)
    assert (answer.width, answer.height) == base
    work = answer.work_width, answer.work_height
    if model.grid == 1:
        assert work == base
    else:
        assert work[0] % model.grid == work[1] % model.grid == 0
        assert any("fitted" in note for note in answer.notes) == (work != base)


@pytest.mark.parametrize(
    ("base", "tier"), [((1024, 1024), "1K"), ((1600, 1200), "1K"), ((4000, 3000), "4K"), ((2500, 2000), "2K")]
)
def test_keep_size_takes_the_tier_closest_in_area(base: tuple[int, int], tier: str) -> None:
    assert resolve_size(OURS, None, None, base, keep_size=True).tier == tier
    assert resolve_size(OURS, None, "2K", base, keep_size=True).tier == "2K"


def test_keep_size_works_at_the_images_ratio_where_the_weights_are_open() -> None:
    base = (1333, 1000)
    free = resolve_size(CATALOG.get("firered-image-edit"), "auto", None, base, keep_size=True)
    assert free.work_width / free.work_height == pytest.approx(1.333, rel=0.01)
    listed = resolve_size(CATALOG.get("nano-banana-2-edit"), "auto", "1K", base, keep_size=True)
    assert (listed.work_width, listed.work_height) == NANO_BANANA["3:2"]


@pytest.mark.parametrize(
    ("model_id", "asked", "base", "kept"),
    [
        ("layer-composite", {}, (12000, 600), True),
        ("layer-composite", {"aspect_ratio": "auto"}, (48, 47), True),
        ("layer-composite", {"aspect_ratio": "21:9"}, (12000, 600), False),
        ("layer-composite", {"resolution": "1K"}, (12000, 600), False),
        ("layer-composite", {"snap_ratio": True}, (1200, 600), False),
        ("layer-composite", {}, (20_000, 600), True),
        ("layer-composite", {}, (11_600, 8_700), True),
        ("firered-image-edit", {}, (1024, 1024), False),
        ("nano-banana-2-edit", {}, (1000, 1000), False),
    ],
)
def test_what_composites_keeps_the_images_size_where_none_is_asked_for(
    model_id: str, asked: dict[str, str], base: tuple[int, int], kept: bool
) -> None:
    answer = resolve_size(CATALOG.get(model_id), **{"base": base, **asked})  # type: ignore[arg-type]
    assert answer.keep_size is kept
    assert ((answer.width, answer.height) == base) is (kept or model_id == "firered-image-edit")
    own = f"No size is asked for: the result has image 1's own, {base[0]}x{base[1]}."
    assert (own in answer.notes) is kept


@pytest.mark.parametrize("base", [(46_548, 1), (1, 65_535), (20_000, 31), (1, 1)])
@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
def test_what_is_longer_than_any_grid_point_is_kept_too(model: Model, base: tuple[int, int]) -> None:
    answer = resolve_size(model, None, None, base, keep_size=True)
    assert (answer.width, answer.height) == base
    assert max(answer.work_width, answer.work_height) <= max(model.max_side, *base)


def test_keep_size_contradicts_snapping() -> None:
    with pytest.raises(InvalidRequest, match="send only one") as caught:
        resolve_size(OURS, None, None, (100, 100), keep_size=True, snap_ratio=True)
    assert caught.value.field == "multiedit.snap_ratio"


def test_keep_size_contradicts_a_ratio() -> None:
    with pytest.raises(InvalidRequest, match="send only one") as caught:
        resolve_size(OURS, "16:9", None, (100, 100), keep_size=True)
    assert caught.value.field == "multiedit.keep_size"


@settings(max_examples=100, deadline=None)
@given(st.integers(64, 5760), st.integers(1, 8100), st.booleans())
def test_every_legal_picture_has_a_size_on_every_model(short: int, ratio: int, upright: bool) -> None:
    long = min(max(short * ratio, 65_536 // short + 1), 33_177_600 // short)
    base = (short, long) if upright else (long, short)
    for model in CATALOG:
        for keep_size in (False, True):
            answer = resolve_size(model, None, None, base, keep_size=keep_size)
            assert answer.keep_size >= keep_size
            assert (answer.width, answer.height) == (
                base if answer.keep_size else (answer.work_width, answer.work_height)
            )


@pytest.mark.parametrize("model", list(CATALOG), ids=lambda model: model.id)
@pytest.mark.parametrize("wanted", [(640, 480), (1024, 1024), (1700, 1000), (5000, 300), (16384, 1), (1, 1)])
def test_any_size_gives_the_nearest_of_the_model(model: Model, wanted: tuple[int, int]) -> None:
    found = nearest_size(model, wanted, (640, 480))
    made = (found.width, found.height)
    note = f"size {wanted[0]}x{wanted[1]} is not one of {model.id}'s: {made[0]}x{made[1]}"
    assert any(each.startswith(note) for each in found.notes) == (made != wanted)
    if wanted == (640, 480):
        assert made == wanted
    elif model.fixed_ratios:

        def apart(ratio: str) -> float:
            return abs(
                math.log(wanted[0] / wanted[1]) - math.log(parse_ratio(ratio)[0] / parse_ratio(ratio)[1])
            )

        assert apart(found.aspect_ratio) == min(map(apart, model.fixed_ratios))
        assert found == dataclasses.replace(
            resolve_size(model, found.aspect_ratio, found.tier, (640, 480)), notes=found.notes
        )
    else:
        assert found.aspect_ratio == "4:3"


def test_a_size_in_pixels_of_image_1s_own_ratio_is_snapped_only_where_that_is_asked_for() -> None:
    model = CATALOG.get("qwen-edit")
    assert nearest_size(model, (1024, 768), (640, 480)).aspect_ratio == "4:3"
    snapped = nearest_size(model, (1024, 768), (640, 480), snap_ratio=True)
    assert (snapped.width, snapped.height, snapped.aspect_ratio) == (1248, 832, "3:2")
