"""Model aliases: which open model runs in place of a closed one, only where the user configured it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..common.errors import InvalidRequest, UnknownModel
from ..common.settings import ENVIRONMENT_PREFIX, Limits
from ..common.validation import describe
from .lookup import Catalog
from .model import Model

VARIABLE = f"{ENVIRONMENT_PREFIX}MODEL_ALIASES"


def alias_resolver(limits: Limits, catalog: Catalog) -> Callable[[str], str]:
    """Model id -> that of the open model that runs in its place where one is configured, else itself.

    Raises:
        InvalidRequest: an entry of `limits.model_aliases` is not `closed-model=open-model`, or names a model
            twice.
    """
    table = _table(limits.model_aliases, catalog)
    return lambda model_id: table[model_id].id if model_id in table else model_id


def _table(entries: Iterable[str], catalog: Catalog) -> dict[str, Model]:
    table: dict[str, Model] = {}
    for entry in entries:
        asked, _, runs = (word.strip() for word in entry.partition("="))
        closed, alias = (_known(model_id, entry, catalog) for model_id in (asked, runs))
        if closed.weights != "closed":
            raise _wrong(entry, f"{asked} is not closed; ask for the model that you want")
        if alias.weights != "open":
            raise _wrong(entry, f"{runs} has no open weights; name a model that does")
        if asked in table:
            raise _wrong(entry, f"{asked} has an alias already, {table[asked].id}; name one")
        table[asked] = alias
    return table


def _known(model_id: str, entry: str, catalog: Catalog) -> Model:
    try:
        return catalog.get(model_id)
    except UnknownModel as error:
        raise _wrong(entry, error.message) from error


def _wrong(entry: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"{VARIABLE} has {describe(entry)}, which is not a valid CLOSED-MODEL=OPEN-MODEL: {why}"
    )
