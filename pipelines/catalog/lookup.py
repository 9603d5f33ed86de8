"""The catalogue of models, read once from models.json."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..common.errors import UnknownModel
from .model import Model, Price

_FILE = Path(__file__).with_name("models.json")
_LONGEST_ID = 64  # what of an unknown id is compared and shown


class Catalog:
    """Models by id, iterated in the order of the file: the contract's fifteen, then ours."""

    def __init__(self, models: Iterable[Model]) -> None:
        self._models = {model.id: model for model in models}

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def get(self, model_id: str) -> Model:
        """Look a model up.

        Raises:
            UnknownModel: the message names the nearest known id.
        """
        if model_id in self._models:
            return self._models[model_id]
        asked = model_id[:_LONGEST_ID]
        nearest = difflib.get_close_matches(asked, self._models, n=1, cutoff=0.0)[0]
        raise UnknownModel(
            f"{asked!r} is no model of the catalogue. The nearest known one is {nearest!r}; "
            "`multiedit models` lists all of them.",
            field="modelId",
        )


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
