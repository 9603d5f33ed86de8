"""The catalogue of models, read once from models.json."""

from __future__ import annotations

import json
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from ..common.errors import UnknownModel
from ..common.registry import Registry
from .model import Model, Price

_FILE = Path(__file__).with_name("models.json")


class Catalog(Registry[Model]):
    """Models by id, iterated in the order of the file: the contract's fifteen, then ours."""

    kind = "model"
    next_step = "`multiedit models` lists all of them"
    error = partial(UnknownModel, field="modelId")


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """The catalogue that comes with the package; read and checked on the first call.

    Raises:
        ValueError: an entry contradicts itself.
    """
    return Catalog(_typed(entry) for entry in json.loads(_FILE.read_text("utf-8"))["models"])


def _typed(entry: dict[str, Any]) -> Model:
    typed = dict(entry)
    for key in {"ratios", "tiers", "qualities"} & set(entry):
        typed[key] = tuple(entry[key])
    typed["sizes"] = {ratio: (width, height) for ratio, (width, height) in entry.get("sizes", {}).items()}
    typed["price"] = Price(**entry["price"])
    return Model(**typed)
