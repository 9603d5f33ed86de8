"""The part of a plan that is about the provider: which images are sent, how large, and the notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from ..catalog.model import Model
from ..common.settings import PROVIDER_VARIABLES, RequestLimits
from ..common.types import Size
from ..images.facts import ImageFacts
from .request import Extras, Role

PROVIDER = "provider"
"""The adapter's name in a plan."""
_CONTRACT = RequestLimits()  # not what `MULTIEDIT_...` sets on this machine


def closed_model_reason(model: Model) -> str:
    """Return why a closed model cannot run here, and what to do about it; half a sentence."""
    return (
        f"{model.id} is closed: it is served by {model.served_by}, and cannot run on this machine. To have "
        f"it made there at your own cost, set {PROVIDER_VARIABLES} (docs/provider.md)"
    )


def sent_images(roles: Sequence[Role]) -> list[int]:
    """Numbers of the images that are sent: all but overlays, which are laid onto the base here."""
    return [number for number, role in enumerate(roles, start=1) if role != "overlay"]


def sent_size(size: Size) -> Size:
    """The size that an image is sent at: its own where the endpoint takes that, else the nearest it takes."""
    width, height = size
    area = width * height
    if area > _CONTRACT.max_pixels:
        shrink = math.sqrt(_CONTRACT.max_pixels / area)
        return max(_CONTRACT.min_side, int(width * shrink)), max(_CONTRACT.min_side, int(height * shrink))
    grow = max(1.0, math.sqrt(_CONTRACT.min_pixels / area), _CONTRACT.min_side / min(size))
    return (width, height) if grow == 1.0 else (math.ceil(width * grow), math.ceil(height * grow))


def notes(
    model: Model, price: float, roles: Sequence[Role], images: Sequence[ImageFacts], extras: Extras
) -> Iterator[str]:
    """A sentence for everything that is special about a plan that is carried out elsewhere."""
    yield (
        f"The prompt and {len(sent_images(roles))} of {len(images)} images are sent to the provider, who "
        f"charges about {price:g} USD. The model is served by {model.served_by}."
    )
    for number in sent_images(roles):
        size = (images[number - 1].width, images[number - 1].height)
        if (to := sent_size(size)) != size:
            yield (
                f"Image {number} is {size[0]}x{size[1]} and is sent as {to[0]}x{to[1]}: the endpoint takes "
                f"{_CONTRACT.min_pixels} to {_CONTRACT.max_pixels} px, at least {_CONTRACT.min_side} a side."
            )
    if extras.seed is not None:
        yield f"multiedit.seed {extras.seed} is dropped: the endpoint has none, so a repeat differs."
