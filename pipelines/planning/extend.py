"""The part of a plan that extends image 1: the pixels that are added, the mask of them, and the notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..catalog.model import AUTO, Model
from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..images.facts import ImageFacts
from ..layers.extension import AUTO_FILL, SIDES, Extension, resolve_extension
from .request import EditRequest, Role
from .shares import percent

_FIELD = "multiedit.extend"


class ExtendedBase(NamedTuple):
    """The images of an edit whose base is extended; as they came where it is not.

    Attributes:
        roles, images: with the mask of what is added, last, where a model that reads the prompt has no other.
    """

    extension: Extension | None
    roles: tuple[Role, ...]
    images: Sequence[ImageFacts]
    notes: tuple[str, ...]


def extend_base(
    request: EditRequest,
    model: Model,
    roles: tuple[Role, ...],
    images: Sequence[ImageFacts],
    remote: bool,
    limits: Limits | None,
) -> ExtendedBase:
    """Extend image 1 where the request asks for it.

    Args:
        remote: it is edited at the provider.
        limits: see `resolve_extension`.

    Raises:
        InvalidRequest: the request asks for another shape too, or see `resolve_extension`.
    """
    extend = request.multiedit.extend
    if extend is None:
        return ExtendedBase(None, roles, images, ())
    _require_no_other_shape(request)
    extension = resolve_extension(extend, (images[0].width, images[0].height), limits)
    by_family = model.interprets_prompt and not remote
    if extend.fill == AUTO_FILL and not by_family:
        extension = replace(extension, fill="blur")
    width, height = extension.size
    images = [replace(images[0], width=width, height=height), *images[1:]]
    if model.interprets_prompt and "mask" not in roles:
        roles, images = (*roles, "mask"), [*images, ImageFacts(width, height)]
    return ExtendedBase(extension, roles, images, tuple(_notes(extension, model)))


def _require_no_other_shape(request: EditRequest) -> None:
    other = "multiedit.snap_ratio" if request.multiedit.snap_ratio else "aspect_ratio"
    if request.multiedit.snap_ratio or request.aspect_ratio not in (None, AUTO):
        raise InvalidRequest(
            f"{_FIELD} gives the result its shape, and {other} another one; send only one. To extend to a "
            f"ratio send {_FIELD}.aspect_ratio.",
            field=_FIELD,
        )


def _notes(extension: Extension, model: Model) -> Iterator[str]:
    added = ", ".join(f"{pixels} px {side}" for side in SIDES if (pixels := getattr(extension, side)))
    width, height = extension.size
    share = percent(1 - extension.width * extension.height / (width * height))
    maker = f"{model.id} makes it" if model.interprets_prompt else f"filled with {extension.fill}"
    yield (
        f"Image 1 is extended ({added}) from {extension.width}x{extension.height} to {width}x{height}. "
        f"{share} of the result is new, {maker}; the rest is image 1."
    )
