"""What is decided of an edit once the profile is known."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions, GenerationPlan
from multiedit.pipelines.adapters.comfyui.profiles.profile import Profile
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.pipelines.adapters.comfyui.tensor_generation import plan_tensor_generation
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.errors import InvalidRequest, MultiEditError, UnsupportedValue
from multiedit.pipelines.planning.mask_options import MaskOptions
from multiedit.pipelines.planning.tensor_plan import EditSettings
from multiedit.tests.support.edit_graphs import CASES, LARGE, PHOTOGRAPH, PORTRAIT, SQUARE, Case, generation

QWEN, KLEIN, KV, MAGE = (
    load_profiles().get(name)
    for name in ("qwen-edit-2511-full", "flux-2-klein-4b", "flux-2-klein-9b-kv", "mage-flow-edit-turbo")
)
BOUNDS = (1000, 1400, 2000, 2600)


def case(*sizes: tuple[int, int], bounds: Any = None, settings: Any = None, **options: Any) -> Case:
    return Case(sizes, bounds, GenerationOptions(**options), settings)


@pytest.mark.parametrize(
    ("profile", "sizes", "settings", "options", "work", "size"),
    [
        (QWEN, (PHOTOGRAPH,), {}, {}, (1248, 832), (1248, 832)),
        # What the model cannot make is fitted from what it can, which has the image's own ratio.
        (QWEN, (PHOTOGRAPH,), {"keep_size": True}, {}, (1248, 832), (1200, 800)),
        (QWEN, (LARGE,), {"keep_size": True}, {}, (1184, 896), (4000, 3000)),
        (KLEIN, (LARGE,), {"resolution": "2K"}, {}, (2352, 1760), (2352, 1760)),
        (QWEN, (PHOTOGRAPH,), {}, {"sampling_pixels": 300_000}, (672, 448), (1248, 832)),
        (QWEN, (PHOTOGRAPH,), {}, {"sampling_pixels": 128 * 128}, (160, 96), (1248, 832)),
        (QWEN, (PHOTOGRAPH,), {}, {"sampling_pixels": 4_000_000}, (1248, 832), (1248, 832)),
    ],
)
def test_the_size_that_is_sampled(
    profile: Profile,
    sizes: tuple[tuple[int, int], ...],
    settings: Any,
    options: Any,
    work: tuple[int, int],
    size: tuple[int, int],
) -> None:
    decided = generation(profile, case(*sizes, settings=settings, **options))
    assert (decided.work, decided.size) == (work, size)
    assert any("the result is fitted" in note for note in decided.notes) is (
        "sampling_pixels" in options and work != size
    )


@given(
    st.sampled_from([QWEN, KLEIN, MAGE, load_profiles().get("qwen-image-2.1")]),
    st.tuples(st.integers(64, 9000), st.integers(64, 9000)),
    st.none() | st.integers(1000, 4_200_000),
    st.booleans(),
)
def test_any_size_has_one_near_its_ratio_on_the_grid(
    profile: Profile, base: tuple[int, int], pixels: int | None, keep: bool
) -> None:
    decided = generation(profile, case(base, sampling_pixels=pixels, settings={"keep_size": keep}))
    assert not any(side % profile.grid for side in decided.work)
    assert math.prod(decided.work) <= 1.05 * profile.max_pixels
    ratio = decided.size[0] / decided.size[1]
    bound = profile is MAGE and not 1 / 4 < ratio < 4
    if not bound and profile.grid not in decided.work:  # else one side is as short as it can be
        rounding = sum(-math.log1p(-profile.grid / 2 / side) for side in decided.work)
        assert abs(math.log(decided.work[0] / decided.work[1] / ratio)) <= rounding + 1e-6


def test_a_base_of_the_results_ratio_is_a_reference_in_register_with_it() -> None:
    decided = generation(QWEN, case(PHOTOGRAPH, PORTRAIT))
    assert decided.references == (ReferenceFit((1248, 832), (1248, 832)), ReferenceFit((832, 1248)))
    small = generation(QWEN, case(PHOTOGRAPH, PORTRAIT, reference_pixels=300_000))
    assert small.references == (ReferenceFit((672, 448), (1248, 832)), ReferenceFit((448, 672)))
    assert small.work == decided.work


def test_a_base_of_another_ratio_is_shown_whole() -> None:
    decided = generation(QWEN, case(PHOTOGRAPH, PORTRAIT, settings={"aspect_ratio": "1:1"}))
    assert decided.references[0] == ReferenceFit((1248, 832))
    assert decided.base_fit == ReferenceFit((1024, 1024), (1024, 1024))


FLUX3 = load_profiles().get("flux-3-klein")


@pytest.mark.parametrize(
    ("profile", "count", "tier", "least", "together"),
    [
        (KLEIN, 1, "1K", 1.0, 1.05),
        (KLEIN, 4, "1K", 1.0, 4.2),
        (KLEIN, 1, "2K", 3.9, 4.2),
        (KLEIN, 2, "2K", 1.9, 4.2),
        (KLEIN, 3, "2K", 1.3, 4.2),
        (KLEIN, 4, "2K", 1.3, 5.6),
        (KV, 1, "2K", 3.9, 4.2),
        (FLUX3, 1, "2K", 3.9, 4.2),
        (FLUX3, 1, "4K", 15.9, 16.8),
        (FLUX3, 3, "4K", 5.3, 16.8),
    ],
)
def test_the_references_of_flux_follow_the_sampled_area(
    profile: Profile, count: int, tier: str, least: float, together: float
) -> None:
    decided = generation(profile, case(*[LARGE] * count, settings={"resolution": tier}))
    areas = [math.prod(fit.size) / 1024**2 for fit in decided.references]
    assert min(areas) >= least * 0.97
    assert sum(areas) <= together * 1.05
    if count == 1:
        assert decided.references[0] == decided.base_fit


def test_an_area_of_references_that_is_asked_for_holds_at_any_size() -> None:
    decided = generation(
        KLEIN, case(LARGE, PORTRAIT, settings={"resolution": "2K"}, reference_pixels=500_000)
    )
    assert all(math.prod(fit.size) <= 1.05 * 500_000 for fit in decided.references)


@pytest.mark.parametrize("profile", list(load_profiles()), ids=lambda profile: profile.id)
def test_the_plan_says_whether_a_base_of_another_shape_is_cut_or_recomposed(profile: Profile) -> None:
    decided = generation(profile, case(LARGE, settings={"aspect_ratio": "1:1"}))
    cut = [*decided.references, decided.base_fit][0].canvas is not None
    assert load_catalog().get(profile.model).cuts_base is cut
    words = "25 % of image 1 is cut away" if cut else "Image 1 is recomposed: 25 % of its 4000x3000"
    assert [note for note in decided.plan.notes if note.startswith(words)] != []
    assert decided.summary.count("25 %") == 1


def test_every_reference_of_mage_flow_has_the_results_size() -> None:
    decided = generation(MAGE, case(PHOTOGRAPH, PORTRAIT, SQUARE, reference_pixels=300_000))
    assert {fit.size for fit in decided.references} == {decided.work}


def test_around_a_small_mask_only_a_part_is_edited() -> None:
    masked = {"bounds": BOUNDS, "settings": {"keep_size": True}}
    decided = generation(QWEN, case(LARGE, PORTRAIT, **masked))
    assert decided.region is not None
    assert decided.work == decided.region.work
    assert decided.base_fit == ReferenceFit(decided.work, LARGE, decided.region.window)
    assert decided.references == (decided.base_fit, ReferenceFit((832, 1248)))
    assert any("around the mask" in note for note in decided.notes)
    whole = generation(QWEN, case(LARGE, PORTRAIT, crop_and_stitch="off", **masked))
    assert whole.region is None
    assert whole.base_fit == ReferenceFit((1184, 896), LARGE)


@pytest.mark.parametrize(("crop", "used"), [("on", True), ("off", False)])
def test_a_context_without_a_part_is_not_used(crop: str, used: bool) -> None:
    settings = {"keep_size": True, "mask_options": MaskOptions(context=3.0)}
    decided = generation(QWEN, case(LARGE, bounds=BOUNDS, crop_and_stitch=crop, settings=settings))
    note = "mask_context 3 is not used: the model sees all of image 1."
    assert (decided.region is None, note in decided.notes) == (not used, not used)


@pytest.mark.parametrize("bounds", [None, BOUNDS])
def test_an_area_beyond_the_profiles_most_is_its_most(bounds: Any) -> None:
    profile = dataclasses.replace(KLEIN, max_pixels=2**20)
    asked, most = (
        generation(profile, case(LARGE, bounds=bounds, sampling_pixels=pixels, settings={"resolution": "2K"}))
        for pixels in (2**22, 2**20)
    )
    assert (asked.work, asked.region) == (most.work, most.region)
    note = "sampling_megapixels 4 is more than FLUX.2 klein 4B samples: 1 is its most."
    assert (note in asked.notes, len(asked.notes) - len(most.notes)) == (True, 1)


def test_a_mask_that_selects_nothing_has_no_part_around_it() -> None:
    assert generation(QWEN, case(LARGE, bounds=(0, 0, 0, 0), crop_and_stitch="on")).region is None


@pytest.mark.parametrize(
    ("profile", "asked", "message"),
    [
        (QWEN, {"crop_and_stitch": "on"}, "there is no mask"),
        (QWEN, {"kv_cache": "on"}, "cfg 4; the cache holds at cfg 1"),
    ],
)
def test_options_that_contradict_are_refused(profile: Profile, asked: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        generation(profile, case(PHOTOGRAPH, PORTRAIT, **asked))


@pytest.mark.parametrize(
    ("profile", "images", "asked", "on"),
    [
        (KV, 1, "auto", True),
        (KV, 1, "off", False),
        (KV, 2, "auto", True),
        (KV, 2, "off", False),
        (KV, 1, "on", True),
        (KLEIN, 2, "auto", False),
        (KLEIN, 2, "on", True),
        (QWEN, 3, "auto", False),
    ],
)
def test_the_cache_of_the_references(profile: Profile, images: int, asked: Any, on: bool) -> None:
    assert generation(profile, case(*[PHOTOGRAPH] * images, kv_cache=asked)).kv_cache is on


def test_what_auto_decides_of_speed_has_its_reason_in_the_plan() -> None:
    decided = generation(KV, case(PHOTOGRAPH, PORTRAIT))
    for option in ("kv_cache", "easy_cache"):
        chosen = getattr(KV, option)
        assert f"{option} is {'on' if chosen.on else 'off'}. {chosen.reason}" in decided.summary.splitlines()


def test_smaller_references_have_half_the_area_and_show_the_same() -> None:
    decided = generation(KLEIN, case(PHOTOGRAPH, PORTRAIT))
    assert decided.reference_fits(1.0) == decided.references
    for fit, less in zip(decided.references, decided.reference_fits(0.5), strict=True):
        assert math.prod(less.size) == pytest.approx(math.prod(fit.size) / 2, rel=0.05)
        assert dataclasses.replace(less, size=fit.size) == fit


def test_the_plan_says_what_runs_as_json() -> None:
    decided = generation(KV, case(PHOTOGRAPH, PORTRAIT, bounds=(0, 9, 0, 9), batch_size=3))
    told = json.loads(decided.plan_json)
    assert told["generation"]["profile"] == "flux-2-klein-9b-kv"
    assert told["generation"]["model"] == "flux-2-klein-9b-kv-edit"
    assert told["generation"]["files"] == dict(decided.files)
    assert told["generation"]["references"][1] == {"size": [832, 1248], "canvas": None, "window": None}
    assert (told["seed"], told["generation"]["batch_size"]) == (7, 3)
    assert told["notes"] == [*decided.plan.notes, *decided.notes]


def of_alias(images: int, **settings: Any) -> Any:
    """nano-banana-2-edit, which takes 6 images, carried out by a profile that takes 3."""
    pictures = [torch.rand(1, 64, 64, 3)] * images
    asked = EditSettings("nano-banana-2-edit", "a hat", **settings)
    return plan_tensor_generation(
        asked, pictures, None, ProfileSelection(QWEN, {}, ()), GenerationOptions(), load_catalog()
    )


def test_an_alias_says_which_model_runs() -> None:
    decided, _ = of_alias(2, resolution="2K")
    told = json.loads(decided.plan_json)
    assert (told["model"], told["generation"]["model"]) == ("nano-banana-2-edit", "qwen-edit")
    assert "by Qwen-Image-Edit 2511" in decided.summary
    assert math.prod(decided.work) < math.prod(decided.size)


def test_an_alias_that_takes_fewer_images_says_so() -> None:
    with pytest.raises(UnsupportedValue, match="5 images; the limit of Qwen-Image-Edit 2511 is 3"):
        of_alias(5)
    assert len(of_alias(5, roles={2: "overlay", 3: "overlay"})[0].references) == 3


@pytest.mark.parametrize(
    ("images", "mask", "frames"), [((1, 1), None, 1), ((3, 1), 1, 3), ((1, 1), 3, 3), ((2, 2), 2, 2)]
)
def test_the_frames_of_the_longest_batch_are_counted(
    images: tuple[int, ...], mask: int | None, frames: int
) -> None:
    pictures = [torch.rand(count, 64, 64, 3) for count in images]
    change = None if mask is None else torch.ones(mask, 64, 64)
    choice, settings = ProfileSelection(QWEN, {}, ()), EditSettings("qwen-edit", "p")
    assert (
        plan_tensor_generation(settings, pictures, change, choice, GenerationOptions(), load_catalog())[1]
        == frames
    )
    with pytest.raises(MultiEditError, match="frames"):
        plan_tensor_generation(
            settings,
            [torch.rand(5, 64, 64, 3), torch.rand(2, 64, 64, 3)],
            None,
            choice,
            GenerationOptions(),
            load_catalog(),
        )


def test_the_mask_of_any_frame_counts_for_the_part() -> None:
    mask = torch.zeros(2, 300, 400)
    mask[0, 30:40, 30:40] = mask[1, 50:60, 60:70] = 1.0
    settings = EditSettings("qwen-edit", "p", keep_size=True)
    decided, _ = plan_tensor_generation(
        settings,
        [torch.zeros(1, 1800, 2400, 3)],
        mask,
        ProfileSelection(QWEN, {}, ()),
        GenerationOptions(),
        load_catalog(),
    )
    assert decided.region is not None
    x, y, width, height = decided.region.window
    assert x <= 180
    assert y <= 180
    assert x + width >= 420
    assert y + height >= 360


def planned(mask: torch.Tensor, size: tuple[int, int] = (2400, 1800), **settings: Any) -> GenerationPlan:
    base = torch.zeros(1, size[1], size[0], 3)
    asked = EditSettings("qwen-edit", "p", **{"keep_size": True, **settings})
    choice = ProfileSelection(QWEN, {}, ())
    return plan_tensor_generation(asked, [base], mask, choice, GenerationOptions(), load_catalog())[0]


def dot() -> torch.Tensor:
    mask = torch.zeros(1, 300, 400)
    mask[0, 30:40, 30:40] = 1.0
    return mask


def test_noise_in_a_mask_neither_widens_the_part_nor_switches_it_off() -> None:
    noisy = dot().clamp(min=4 / 255)
    assert planned(noisy).region == planned(dot()).region is not None
    assert any("is taken for noise" in note for note in planned(noisy).plan.notes)
    with pytest.raises(InvalidRequest, match="The mask selects nothing: it is below 5 of 255 everywhere"):
        planned(torch.full((1, 300, 400), 4 / 255))


def test_the_part_is_around_the_grown_mask() -> None:
    small, large = (
        planned(dot(), mask_options=MaskOptions(grow=grow, context=1.0)).region for grow in (0, 100)
    )
    assert small is not None
    assert large is not None
    assert large.window[2] == pytest.approx(small.window[2] + 200, abs=16)


def test_a_mask_of_what_is_cut_away_is_refused() -> None:
    mask = torch.zeros(1, 300, 900)
    mask[0, :, :20] = 1.0
    with pytest.raises(InvalidRequest, match="only what is cut away"):
        planned(mask, (1800, 600), keep_size=False, aspect_ratio="1:1")


def test_everything_may_be_masked_and_grown() -> None:
    decided = planned(torch.ones(1, 8, 8), mask_options=MaskOptions(grow=512))
    assert decided.region is None
    assert any("lets all of image 1 change" in note for note in decided.plan.notes)


@pytest.mark.parametrize(
    ("options", "noted"),
    [(MaskOptions(feather=40), True), (MaskOptions(pull_in=40), True), (MaskOptions(), False)],
)
def test_an_edge_that_the_mask_has_no_room_for_is_noted(options: MaskOptions, noted: bool) -> None:
    notes = planned(dot(), mask_options=options).notes
    assert any("they are halved until there is room" in note for note in notes) is noted


@pytest.mark.parametrize(
    ("profile", "bounds", "words"),
    [(QWEN, None, "mask_grow: not used, since there is no mask"), (QWEN, BOUNDS, "")],
)
def test_options_of_a_mask_without_one_are_noted(profile: Profile, bounds: Any, words: str) -> None:
    options = {"mask_options": MaskOptions(grow=3), "keep_size": True}
    notes = generation(profile, case(LARGE, bounds=bounds, settings=options)).plan.notes
    assert any("mask_grow" in note for note in notes) is bool(words)
    assert words in " ".join(notes)


@pytest.mark.parametrize(
    "profile",
    ["qwen-edit-first", "longcat-edit", "boogu-edit", "flux-kontext-dev", "flux-fill-dev"],
)
def test_masks_extensions_and_ratios_are_on_the_grid_of_a_model(profile: str) -> None:
    own = load_profiles().get(profile)
    extended = generation(own, CASES["extend"])
    assert (extended.masked, extended.size) == (True, (1600, 800))
    inside = generation(own, CASES["mask and region"])
    assert inside.region is not None
    snapped = generation(own, case((1170, 2532), settings={"snap_ratio": True}))
    assert snapped.plan.aspect_ratio == "9:21"
    for decided in (extended, inside, snapped):
        assert [side % own.grid for side in decided.work] == [0, 0]
        assert math.prod(decided.work) <= 1.02 * own.max_pixels
    cuts = load_catalog().get(own.model).cuts_base
    assert any("cut away" in note for note in snapped.plan.notes) is cuts
