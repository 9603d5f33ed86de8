"""The models of the configured provider: none unless one is configured. Every entry point asks here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...catalog.aliases import alias_resolver
from ...catalog.lookup import Catalog, load_catalog
from ...common.errors import InvalidRequest
from ...common.settings import PROVIDER_VARIABLES, Limits, ProviderLimits
from ...common.user_folders import user_folder
from . import model_list
from .settings import ProviderSettings, read_provider_settings

if TYPE_CHECKING:
    from .adapter import ProviderAdapter
    from .connection import OnStatus


@dataclass(frozen=True)
class ProviderRegistry:
    """The configured endpoint, and the models that are made there.

    Attributes:
        provider: None where none is configured; there are no models then.
        catalog: with what the endpoint's own list says, once it was asked for.
        models: ids, in the catalogue's order. Without those that have an alias.
        ledger: the file that keeps what was spent.
        cache: the folder of the list.
    """

    provider: ProviderSettings | None
    catalog: Catalog
    models: tuple[str, ...]
    limits: ProviderLimits
    ledger: Path
    cache: Path

    def adapters(
        self, limits: Limits, on_status: OnStatus = lambda text: None, *, beside_comfyui: bool = False
    ) -> Mapping[str, ProviderAdapter]:
        """Return what carries each of the models out.

        Args:
            on_status: called with what is going on, in words.
            beside_comfyui: without the open models, which run there at no cost.
        """
        if self.provider is None:
            return {}
        from .adapter import ProviderAdapter
        from .connection import ProviderConnection
        from .spending import SpendingLog

        connect = partial(ProviderConnection, self.provider, self.limits)
        ledger = SpendingLog(self.ledger, self.limits)
        adapter = ProviderAdapter(self.provider, self.catalog, limits, ledger, connect, on_status)
        left = (
            model
            for model in self.models
            if not (beside_comfyui and self.catalog.get(model).weights == "open")
        )
        return dict.fromkeys(left, adapter)

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """The endpoint's list of models, as it is now.

        Raises:
            InvalidRequest: no provider is configured.
            ProviderError, ServerUnreachable: it gives none.
        """
        if self.provider is None:
            raise InvalidRequest(f"No provider is configured. Set {PROVIDER_VARIABLES} (docs/provider.md).")
        from .connection import ProviderConnection
        from .responses import error_of

        response = await ProviderConnection(self.provider, self.limits).models()
        if response.status != 200:
            raise error_of(response, self.provider)
        return model_list.read_list(response.body)


def load_provider(limits: Limits, environment: Mapping[str, str] = os.environ) -> ProviderRegistry:
    """Return what the environment and the settings file say.

    Raises:
        InvalidRequest: they, or the model aliases, cannot be understood.
    """
    catalog, cache = load_catalog(), user_folder("cache", environment)
    provider = read_provider_settings(environment)
    models: tuple[str, ...] = ()
    if provider is not None:
        catalog = model_list.with_saved_list(cache, catalog)
    runs = alias_resolver(limits, catalog)  # checked without a provider too, when a program starts
    if provider is not None:
        chosen = [catalog.get(name).id for name in provider.models]
        models = tuple(
            model.id
            for model in catalog
            if (model.id in chosen if chosen else model.weights == "closed")
            and model.weights != "none"
            and runs(model.id) == model.id
        )
    ledger = user_folder("state", environment) / "spending.sqlite"
    return ProviderRegistry(
        provider, catalog, models, ProviderLimits.from_environment(environment), ledger, cache
    )
