"""The catalogue against the hosted model lists of 2026-08-20 and 2026-04-17 (qwen-edit), typed in by hand."""

from __future__ import annotations

import dataclasses

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.catalog.model import AUTO, TIER_SIDES, Model, Price, parse_ratio
from multiedit.pipelines.common.errors import UnknownModel
from multiedit.tests.support.family_tables import K2, K4, OURS

EIGHT = ("1:1", "3:2", "16:9", "21:9", "9:16", "2:3", "3:4", "4:5")
ALL = (AUTO, *EIGHT)
GROK = (AUTO, "1:1", "16:9", "9:16", "3:4", "3:2", "2:3")
SEEDREAM = tuple(ratio for ratio in ALL if ratio != "21:9")
UNCENSORED = {"qwen-edit-uncensored", "seedream-v5-lite-edit", "seedream-v4-edit"}

# id: name, privacy, prompt limit, ratios, tiers, images, base price, created
HOSTED = {
    "firered-image-edit": ("FireRed Edit", "private", 1500, ALL, (), 3, 0.04, 1774396800),
    "qwen-edit": ("Qwen Edit 2511", "private", 1500, ALL, (), 3, 0.04, 1756157864),
    "qwen-edit-uncensored": ("Qwen Edit Uncensored", "private", 1500, ALL, (), 3, 0.04, 1780531200),
    "grok-imagine-edit": ("Grok Imagine", "private", 7500, GROK, K2, 3, 0.03, 1769644800),
    "grok-imagine-quality-edit": (
        "Grok Imagine High Quality", "private", 7500, GROK, K2, 3, 0.06, 1778198400,
    ),
    "qwen-image-2-edit": ("Qwen Image 2", "anonymized", 10000, EIGHT, (), 3, 0.05, 1772582400),
    "qwen-image-2-pro-edit": ("Qwen Image 2 Pro", "anonymized", 10000, EIGHT, (), 3, 0.1, 1772582400),
    "wan-2-7-pro-edit": ("Wan 2.7 Pro Edit", "anonymized", 5000, (AUTO,), K2, 6, 0.094, 1776902400),
    "flux-2-max-edit": ("Flux 2 Max", "anonymized", 3000, ALL, (), 6, 0.12, 1767571200),
    "gpt-image-2-edit": ("GPT Image 2", "anonymized", 10000, EIGHT, K4, 6, 0.34, 1776729600),
    "gpt-image-1-5-edit": (
        "GPT Image 1.5", "anonymized", 5000, (AUTO, "1:1", "3:2", "2:3"), (), 6, 0.31, 1767555000,
    ),
    "nano-banana-2-edit": ("Nano Banana 2", "anonymized", 32768, ALL, K4, 6, 0.1, 1772064000),
    "nano-banana-pro-edit": ("Nano Banana Pro", "anonymized", 32768, ALL, K4, 6, 0.18, 1765584000),
    "seedream-v5-lite-edit": ("Seedream V5 Lite", "anonymized", 10000, SEEDREAM, (), 6, 0.05, 1771804800),
    "seedream-v4-edit": ("Seedream V4.5", "anonymized", 10000, SEEDREAM, (), 6, 0.05, 1767484800),
}  # fmt: skip

# id, tier, quality, images: US dollars
PRICES = [
    ("grok-imagine-edit", "2K", None, 3, 0.04 + 3 * 0.0023),
    ("grok-imagine-quality-edit", "2K", None, 1, 0.09 + 0.0115),
    ("wan-2-7-pro-edit", "2K", None, 2, 0.094),
    ("flux-2-max-edit", None, None, 3, 0.12 + 2 * 0.0345),
    ("gpt-image-2-edit", "1K", "low", 1, 0.03),
    ("gpt-image-2-edit", "1K", "medium", 1, 0.08),
    ("gpt-image-2-edit", "1K", "high", 1, 0.34),
    ("gpt-image-2-edit", "2K", "low", 1, 0.03),
    ("gpt-image-2-edit", "2K", "medium", 1, 0.14),
    ("gpt-image-2-edit", "2K", "high", 2, 0.52 + 0.0092),
    ("gpt-image-2-edit", "4K", "low", 1, 0.04),
    ("gpt-image-2-edit", "4K", "medium", 1, 0.22),
    ("gpt-image-2-edit", "4K", "high", 1, 0.84),
    ("gpt-image-1-5-edit", None, None, 3, 0.31 + 2 * 0.02806),
    ("nano-banana-2-edit", "2K", None, 3, 0.14),
    ("nano-banana-2-edit", "4K", None, 3, 0.19),
    ("nano-banana-pro-edit", "2K", None, 1, 0.23),
    ("nano-banana-pro-edit", "4K", None, 1, 0.35),
    ("layer-composite", "4K", None, 3, 0.0),
]


def test_the_catalogue_is_the_contract_in_its_order_and_ours() -> None:
    assert [model.id for model in load_catalog()] == [*HOSTED, "layer-composite", *OURS]
    assert len(load_catalog()) == 35


@pytest.mark.parametrize("model_id", HOSTED)
def test_an_entry_has_the_hosted_lists_values(model_id: str) -> None:
    model = load_catalog().get(model_id)
    assert HOSTED[model_id] == (
        model.name, model.privacy, model.prompt_limit, model.ratios, model.tiers, model.max_images,
        model.price.base, model.created,
    )  # fmt: skip
    assert model.combine_images
    assert model.uncensored == (model_id in UNCENSORED)
    assert model.default_tier == ("1K" if model.tiers else None)
    assert model.qualities == (("low", "medium", "high") if model_id == "gpt-image-2-edit" else ())
    assert model.default_quality == ("high" if model_id == "gpt-image-2-edit" else None)


@pytest.mark.parametrize(("model_id", "tier", "quality", "images", "usd"), PRICES)
def test_a_price_follows_tier_quality_and_images(
    model_id: str, tier: str | None, quality: str | None, images: int, usd: float
) -> None:
    price = load_catalog().get(model_id).price
    assert price.estimate(tier, quality, images) == pytest.approx(usd, abs=1e-9)


def test_weights_are_open_for_three_of_the_contracts() -> None:
    open_weights = {model.id: model.licence for model in load_catalog() if model.weights == "open"}
    contracts = dict.fromkeys(("firered-image-edit", "qwen-edit", "qwen-edit-uncensored"), "Apache-2.0")
    assert open_weights == contracts | {model_id: entry[0] for model_id, entry in OURS.items()}


@pytest.mark.parametrize("model_id", OURS)
def test_an_open_model_has_its_cards_values(model_id: str) -> None:
    model = load_catalog().get(model_id)
    assert OURS[model_id] == (model.licence, model.grid, model.tiers, model.max_images, model.max_pixels)
    assert model.ratios == (*ALL, "4:3", "5:4", "9:21")
    assert (model.privacy, model.price.base) == ("private", 0)
    assert model.served_by.startswith("this machine (weights ")
    assert model.source.startswith("model card, huggingface.co/")


def test_layer_composite_needs_no_weights() -> None:
    ours = load_catalog().get("layer-composite")
    assert (ours.weights, ours.licence, ours.grid) == ("none", "Apache-2.0", 1)
    assert ours.ratios == (*ALL, "4:3", "5:4", "9:21")
    assert not ours.interprets_prompt
    assert "does not interpret the prompt" in ours.remark


@pytest.mark.parametrize("model", list(load_catalog()), ids=lambda model: model.id)
def test_an_entry_is_whole(model: Model) -> None:
    assert model.served_by
    assert model.source
    assert model.licence == "closed" or model.weights != "closed"
    assert set(model.price.quality) <= set(model.tiers)
    assert all(tuple(row) == model.qualities for row in model.price.quality.values())
    assert all(min(parse_ratio(ratio)) >= 1 for ratio in model.fixed_ratios)
    for ratio, (width, height) in model.sizes.items():
        a, b = parse_ratio(ratio)
        assert width / height == pytest.approx(a / b, rel=0.02), ratio
        assert model.min_pixels <= width * height <= model.max_pixels


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("firered", "firered-image-edit"), ("layer_composite", "layer-composite"), ("x" * 10**6, "")],
)
def test_an_unknown_id_names_the_nearest_known_one(asked: str, nearest: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        load_catalog().get(asked)
    assert caught.value.field == "modelId"
    assert nearest in caught.value.message
    assert "multiedit models" in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"default_tier": "8K"}, "default tier"),
        ({"default_tier": None}, "default tier"),
        ({"tiers": ("1K", "8K")}, "tier is unknown"),
        ({"default_quality": "ultra"}, "default quality"),
        ({"price": Price(1, tiers={"8K": 2})}, "price"),
        ({"sizes": {"7:5": (1120, 800)}}, "size"),
        ({"sizes": {"1:1": (1023, 1024)}}, "grid"),
        ({"combine_images": False}, "combine"),
        ({"interprets_prompt": False}, "prompt"),
        ({"ratios": ("1:0",)}, "ratio"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(changes: dict[str, object], problem: str) -> None:
    model = load_catalog().get("grok-imagine-edit")
    with pytest.raises(ValueError, match=problem):
        dataclasses.replace(model, **changes)


def test_tiers_double() -> None:
    assert TIER_SIDES == {"1K": 1024, "2K": 2048, "4K": 4096}
