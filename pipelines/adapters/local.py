"""The adapters that run in this process, by the model that each carries out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..common.settings import Limits

if TYPE_CHECKING:
    from .base import EmbeddedAdapter

# Asked for schemas, which must not load torch's compositor.
EMBEDDED_MODELS = ("layer-composite",)


def embedded_adapters(limits: Limits) -> Mapping[str, EmbeddedAdapter]:
    """What can run here without anything else being installed, by model id."""
    from .composite import LayerComposite

    return dict(zip(EMBEDDED_MODELS, (LayerComposite(limits),), strict=True))
