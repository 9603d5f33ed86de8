"""The adapters that run in this process, by the model that each runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..common.settings import Limits

if TYPE_CHECKING:
    from .base import Adapter

# Apart from the adapters, since schemas need it and must not load torch.
LOCAL_MODELS = ("layer-composite",)


def local_adapters(limits: Limits) -> Mapping[str, Adapter]:
    """Make the adapters that need nothing else installed, by model id."""
    from .composite import CompositeAdapter

    return dict(zip(LOCAL_MODELS, (CompositeAdapter(limits),), strict=True))
