"""Which open model stands in for a closed one: only what the user configured, never by itself."""

from __future__ import annotations

from collections.abc import Iterable

from ..catalog.lookup import Catalog
from ..catalog.model import Model
from ..errors import InvalidRequest, UnknownModel
from ..limits import ENVIRONMENT_PREFIX, Limits

_VARIABLE = f"{ENVIRONMENT_PREFIX}STAND_INS"


def stand_in_for(model: Model, limits: Limits, catalog: Catalog) -> Model | None:
    """The open model that runs where a closed one is asked for, None where none is configured.

    Raises:
        InvalidRequest: an entry of `limits.stand_ins`, of this model or another, is no
            `closed-model=open-model` or names a model twice.
    """
    return _table(limits.stand_ins, catalog).get(model.id)


def _table(entries: Iterable[str], catalog: Catalog) -> dict[str, Model]:
    table: dict[str, Model] = {}
    for entry in entries:
        asked, _, runs = (word.strip() for word in entry.partition("="))
        closed, stand_in = (_known(model_id, entry, catalog) for model_id in (asked, runs))
        if closed.weights != "closed":
            raise _wrong(entry, f"{asked} is not closed; ask for the model that you want")
        if stand_in.weights != "open":
            raise _wrong(entry, f"{runs} has no open weights; name a model that has")
        if asked in table:
            raise _wrong(entry, f"{asked} has a stand-in already, {table[asked].id}; name one")
        table[asked] = stand_in
    return table


def _known(model_id: str, entry: str, catalog: Catalog) -> Model:
    try:
        return catalog.get(model_id)
    except UnknownModel as error:
        raise _wrong(entry, error.message) from error


def _wrong(entry: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{_VARIABLE} has {entry!a}, which is no closed-model=open-model: {why}")
