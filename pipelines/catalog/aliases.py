"""Model aliases: which open model runs in place of a closed one, only where the user configured it.

The names that tools for OpenAI's API send whatever is chosen in them are here too: what the server runs by
default stands in for them, unless the user configured another model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..common.errors import InvalidRequest, UnknownModel
from ..common.settings import ENVIRONMENT_PREFIX, Limits
from ..common.validation import describe
from .lookup import Catalog
from .model import Model

VARIABLE = f"{ENVIRONMENT_PREFIX}MODEL_ALIASES"
HARD_CODED_NAMES = ("gpt-image-1", "gpt-image-1.5", "gpt-image-1-mini", "dall-e-2")
"""Of OpenAI's models; no model of the catalogue has one of them."""


def alias_resolver(limits: Limits, catalog: Catalog) -> Callable[[str], str]:
    """Model id -> that of the open model that runs in its place where one is configured, else itself.

    Raises:
        InvalidRequest: an entry of `limits.model_aliases` is not `closed-model=open-model`, or names a model
            twice.
    """
    table = _table(_entries(limits, hard_coded=False), catalog)
    hard_coded_models(limits, catalog)
    return lambda model_id: table[model_id].id if model_id in table else model_id


def hard_coded_models(limits: Limits, catalog: Catalog) -> Mapping[str, str | None]:
    """Each of `HARD_CODED_NAMES` to the id of the model that runs, None for the default.

    Raises:
        InvalidRequest: an entry of `limits.model_aliases` names one of them twice, or an unknown model.
    """
    models: dict[str, str | None] = dict.fromkeys(HARD_CODED_NAMES)
    for entry in _entries(limits, hard_coded=True):
        name, runs = _split(entry)
        if models[name] is not None:
            raise _wrong(entry, f"{name} has an alias already, {models[name]}; name one")
        models[name] = _known(runs, entry, catalog).id
    return models


def _entries(limits: Limits, *, hard_coded: bool) -> Iterable[str]:
    return (entry for entry in limits.model_aliases if (_split(entry)[0] in HARD_CODED_NAMES) == hard_coded)


def _split(entry: str) -> tuple[str, str]:
    asked, _, runs = (word.strip() for word in entry.partition("="))
    return asked, runs


def _table(entries: Iterable[str], catalog: Catalog) -> dict[str, Model]:
    table: dict[str, Model] = {}
    for entry in entries:
        asked, runs = _split(entry)
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
