"""The adapters that run in this process, by the model that each carries out."""

from __future__ import annotations

from collections.abc import Mapping

from ..limits import Limits
from .base import EmbeddedAdapter
from .layer_composite import LayerComposite


def embedded_adapters(limits: Limits) -> Mapping[str, EmbeddedAdapter]:
    """What can run here without anything else being installed."""
    adapter = LayerComposite(limits)
    return {adapter.name: adapter}
