"""The profiles of generative models, read once from profiles.json.

The file has four tables: `reasons` and `parts` by name, since profiles share them, and `profiles` and
`layer_profiles`, which name theirs; the latter split an image into layers instead of editing it. A part or a
profile may be `like` another one, whose keys it takes over and then changes; the other one is written out in
full.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ....common.errors import InvalidRequest
from ....common.registry import Registry
from .profile import ModelPart, Profile, SpeedOption, WeightsFile, Width

_FILE = Path(__file__).with_name("profiles.json")
_LISTS = {"nodes", "sigmas"}
_OPTIONS = {"kv_cache", "easy_cache"}

Entry = Mapping[str, Any]


class Profiles(Registry[Profile]):
    """Profiles by id, iterated in the order of the file: of one model, the fastest first."""

    kind = "profile"
    next_step = "without one a model's profiles are tried in their order"
    error = InvalidRequest

    def of_model(self, model_id: str) -> tuple[Profile, ...]:
        """A model's profiles in the order in which they are tried; none for a model without."""
        return tuple(profile for profile in self if profile.model == model_id)


@lru_cache(maxsize=1)
def load_profiles() -> Profiles:
    """The profiles that come with the package; read and checked on the first call.

    Raises:
        ValueError: an entry contradicts itself or names what is not there.
    """
    return profiles_from(json.loads(_FILE.read_text("utf-8")))


@lru_cache(maxsize=1)
def load_layer_profiles() -> Profiles:
    """The profiles that split an image into layers; read and checked on the first call.

    Raises:
        ValueError: as `load_profiles`.
    """
    return profiles_from(json.loads(_FILE.read_text("utf-8")), "layer_profiles")


@lru_cache(maxsize=1)
def load_all_profiles() -> Profiles:
    """The profiles of both kinds, as the loader has them.

    Raises:
        ValueError: as `load_profiles`.
    """
    return Profiles([*load_profiles(), *load_layer_profiles()])


def profiles_from(tables: Mapping[str, Any], table: str = "profiles") -> Profiles:
    """Type the tables, and return the profiles of one.

    Raises:
        ValueError: as `load_profiles`.
    """
    parts = {
        name: _part(_filled(entry, tables["parts"], f"part {name}"))
        for name, entry in tables["parts"].items()
    }
    by_id = {entry["id"]: entry for entry in tables[table]}
    whole = (_filled(entry, by_id, f"profile {entry['id']}") for entry in tables[table])
    return Profiles(_profile(entry, parts, tables["reasons"]) for entry in whole)


def _filled(entry: Entry, table: Mapping[str, Entry], what: str) -> dict[str, Any]:
    """An entry with what it takes over from the one that it is like."""
    if "like" not in entry:
        return dict(entry)
    pattern = table.get(entry["like"])
    if pattern is None or "like" in pattern:
        raise ValueError(f"{what} is like {entry['like']}, which is not there or not written out in full")
    return {**pattern, **{key: value for key, value in entry.items() if key != "like"}}


def _part(entry: Entry) -> ModelPart:
    typed: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    typed["files"] = tuple(WeightsFile(**weights) for weights in entry["files"])
    if "width" in entry:
        typed["width"] = Width(**{**entry["width"], "others": tuple(entry["width"]["others"])})
    return ModelPart(**typed)


def _profile(entry: Entry, parts: Mapping[str, ModelPart], reasons: Mapping[str, str]) -> Profile:
    if unknown := set(entry["parts"].values()) - set(parts):
        raise ValueError(f"profile {entry['id']}: no part is called {', '.join(sorted(unknown))}")
    typed = dict(entry)
    typed["parts"] = {role: parts[name] for role, name in entry["parts"].items()}
    for key in _LISTS & set(entry):
        typed[key] = tuple(entry[key])
    for key in _OPTIONS & set(entry):
        typed[key] = SpeedOption(entry[key]["on"], reasons[entry[key]["reason"]])
    return Profile(**typed)
