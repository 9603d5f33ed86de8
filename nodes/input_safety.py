"""Safe mode's judgement of the images that a graph gives to our nodes, where the owner wants it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .progress import interruptible_torch
from .safe_mode import node_loader, node_settings

if TYPE_CHECKING:
    from torch import Tensor


@interruptible_torch()
def require_safe_inputs(images: Mapping[str, Tensor]) -> None:
    """Refuse an image [B, H, W, C], by its name, that does not pass, if `MULTIEDIT_SAFETY_INPUTS` is set.

    Raises:
        SafetyError: the classifier is not available, or an image does not pass.
    """
    from ..pipelines.safety.screening import require_classifier, require_safe

    settings = node_settings()
    if not settings.policy.inputs:
        return
    load = node_loader(settings)
    require_classifier(load, settings.policy)
    for name, image in images.items():
        for frame in range(len(image)):
            require_safe(image[frame : frame + 1], load, settings.policy, name)
