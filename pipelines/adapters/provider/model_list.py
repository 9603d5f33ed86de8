"""The endpoint's own list of models: checked, kept in the user's cache, and laid over the catalogue.

Only closed models are taken from it, and ids that the catalogue has not; what runs here is not its business.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from ...catalog.lookup import Catalog
from ...catalog.model import AUTO, TIER_SIDES, Model, Price, parse_ratio
from ...common.errors import ProviderError
from ...common.json_reader import read_json
from ...common.settings import RequestLimits

FILE = "provider-models.json"
_MAX_MODELS = 500
_LONGEST_ID = 64
_MAX_IMAGES = 3  # where the list names none
_GRID = 16
_SHOWN = ("name", "privacy", "prompt_limit", "max_images", "ratios", "tiers", "default_tier", "qualities",
          "default_quality", "price")  # fmt: skip


def merged(catalog: Catalog, entries: Sequence[Mapping[str, Any]]) -> Catalog:
    """The catalogue with the list's entries in the place of its own closed models, and with new ones.

    Raises:
        ProviderError: an entry is not as the endpoint's schema has it.
    """
    known = {model.id: model for model in catalog}
    for entry in entries:
        model = _checked(entry, known.get(str(entry.get("id"))))
        if model.weights == "closed":
            known[model.id] = model
    return Catalog(known.values())


def read_list(body: bytes) -> list[dict[str, Any]]:
    """The entries of a response to GET /models?type=inpaint.

    Raises:
        ProviderError: it is no such list.
    """
    try:
        listed = read_json(body)
        entries = [entry for entry in listed["data"] if entry["type"] == "inpaint"]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise ProviderError("The provider's list of models is not valid. Check its address.") from None
    if not 0 < len(entries) <= _MAX_MODELS:
        raise ProviderError(
            f"The provider's list has {len(entries)} models that edit; it must have 1 to {_MAX_MODELS}."
        )
    return entries


def changes(before: Catalog, after: Catalog, entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for everything that another catalogue says otherwise, and for what the list has no more."""
    old = {model.id: model for model in before}
    for model in after:
        if model.id not in old:
            yield f"{model.id}: new"
            continue
        for name in _SHOWN:
            was, now = (getattr(each, name) for each in (old[model.id], model))
            if was != now:
                yield f"{model.id}: {name} was {_text(was)}, is {_text(now)}"
    listed = {entry["id"] for entry in entries}
    gone = (model.id for model in before if model.weights == "closed" and model.id not in listed)
    yield from (f"{model_id}: not in the list" for model_id in gone)


def free_now(before: Catalog, after: Catalog) -> list[str]:
    """The ids of models of which a choice is free now, and none was: limits of spending would not hold."""
    old = {model.id: model for model in before}
    return [
        model.id
        for model in after
        if model.weights == "closed" and min(_prices(model)) <= 0 < min(_prices(old.get(model.id, model)))
    ]


def save_list(folder: Path, entries: Sequence[Mapping[str, Any]]) -> Path:
    """Write the list into the cache; returns the file.

    Raises:
        OutputError: it cannot be written.
    """
    from ...common.atomic_file import write_atomically

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(folder / FILE, json.dumps({"data": entries}).encode())
    return folder / FILE


def with_saved_list(folder: Path, catalog: Catalog) -> Catalog:
    """The catalogue with the list of the cache; as it is where there is none, or a damaged one."""
    try:
        return merged(catalog, read_list((folder / FILE).read_bytes()))
    except (OSError, ProviderError):
        return catalog


def _text(value: object) -> str:
    if isinstance(value, Price):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return json.dumps({name: part for name, part in given.items() if part}, sort_keys=True)
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


def _checked(entry: Mapping[str, Any], known: Model | None) -> Model:
    try:
        model = _model(entry, known)
        _prices(model)  # every choice has one
        return model
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
        shown = ascii(str(entry.get("id")))[:_LONGEST_ID]
        raise ProviderError(
            f"The provider's list has an entry, {shown}, that does not match its schema; the list is "
            "not taken."
        ) from None


def _prices(model: Model) -> list[float]:
    choices = product(model.tiers or (None,), model.qualities or (None,))
    return [model.price.estimate(tier, quality, 1) for tier, quality in choices]


def _model(entry: Mapping[str, Any], known: Model | None) -> Model:
    spec = entry["model_spec"]
    takes = spec["constraints"]
    ratios = tuple(_ratio(ratio) for ratio in takes["aspectRatios"])
    listed: dict[str, Any] = {
        "name": _word(spec["name"]),
        "privacy": _word(spec["privacy"]),
        "uncensored": spec.get("uncensored") is True,
        "prompt_limit": _count(takes["promptCharacterLimit"], RequestLimits.max_prompt_characters),
        "combine_images": takes["combineImages"] is True,
        "max_images": _count(takes.get("maxInputImages", _MAX_IMAGES), 50) if takes["combineImages"] else 1,
        "ratios": ratios,
        "tiers": tuple(tier for tier in takes.get("resolutions", ()) if tier in TIER_SIDES),
        "default_tier": takes.get("defaultResolution"),
        "qualities": tuple(map(_word, takes.get("qualities", ()))),
        "default_quality": takes.get("defaultQuality"),
        "price": _price(spec["pricing"]),
        "created": int(entry.get("created", 0)),
        "source": "the provider's list",
    }
    if known is None:
        return Model(
            id=_word(entry["id"]), weights="closed", licence="closed", served_by="the provider",
            grid=_GRID, **listed,
        )  # fmt: skip
    sizes = {ratio: size for ratio, size in known.sizes.items() if ratio in ratios}
    return replace(known, sizes=sizes, **listed)


def _price(listed: Mapping[str, Any]) -> Price:
    images = listed.get("inputImages", {})
    return Price(
        base=_usd(listed["inpaint"]),
        tiers={
            tier: _usd(each) for tier, each in listed.get("resolutions", {}).items() if tier in TIER_SIDES
        },
        quality={
            tier: {_word(quality): _usd(each) for quality, each in row.items()}
            for tier, row in listed.get("quality", {}).items()
            if tier in TIER_SIDES
        },
        included_images=int(images.get("included", 0)),
        additional_image=_usd(images["additional"]) if images else 0.0,
    )


def _usd(amount: Mapping[str, Any]) -> float:
    usd = float(amount["usd"])
    if not 0 <= usd < 1000:
        raise ValueError("no price")
    return round(usd, 6)  # the list has 0.0023000000000000004


def _count(value: Any, most: int) -> int:
    if not int(value) >= 1:
        raise ValueError("no count")
    return min(int(value), most)


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= _LONGEST_ID:
        raise ValueError("no word")
    return value


def _ratio(value: str) -> str:
    if value != AUTO:
        parse_ratio(value)
    return value
