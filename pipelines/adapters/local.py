"""The adapters that run in this process, by the model that each carries out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..common.settings import Limits

if TYPE_CHECKING:
    from .base import Adapter

# Asked for schemas, which must not load torch's compositor.
LOCAL_MODELS = ("layer-composite",)


def local_adapters(limits: Limits) -> Mapping[str, Adapter]:
    """What can run here without anything else being installed, by model id."""
    from .composite import CompositeAdapter

    return dict(zip(LOCAL_MODELS, (CompositeAdapter(limits),), strict=True))
