"""The role of each image of a request: base, overlay, mask or reference.

The rule, for images whose role the request does not give, in order:

1. Image 1 is the base, always.
2. An image that `placement` speaks of is an overlay.
3. The first other image that looks like a mask and has image 1's size is the mask, unless the request names
   one. A model that composites needs another image to lay on the base: with base and mask alone it would
   change nothing, so there a logo, a text or a line drawing is an overlay.
4. The rest are overlays for a model that composites, references for one that reads the prompt.

An image looks like a mask when it is opaque, black and white (see images/edit_mask.py). That is judged on
the pixels by the caller and comes in as a fact; here is no decoding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..catalog.model import Model
from ..common.errors import InvalidRequest
from ..images.facts import ImageFacts
from .model_options import Switch
from .request import Extras, Role

_FIELD = "multiedit.roles"


def require_mask(model: Model, masked: bool, crop_and_stitch: Switch = "auto") -> None:
    """Refuse an edit without a mask by a model that edits inside one only, or of the part around it.

    Raises:
        InvalidRequest: it has none.
    """
    if crop_and_stitch == "on" and not masked:
        raise InvalidRequest(
            "crop_and_stitch is on, but there is no mask. Add one, or set it to auto.",
            field="multiedit.crop_and_stitch",
        )
    if model.needs_mask and not masked:
        raise InvalidRequest(
            f"{model.name} needs a mask: it changes what the mask selects, and nothing else. Add a mask, "
            "extend the image, or choose another model.",
            field="images",
        )


def assign_roles(
    extras: Extras, images: Sequence[ImageFacts], model: Model
) -> tuple[tuple[Role, ...], tuple[str, ...]]:
    """Give every image its role.

    Returns:
        The roles in the order of the images, and a note for each role that was inferred and for each
        image that the model will not use.

    Raises:
        InvalidRequest: the given roles contradict each other or the rule.
    """
    _check_base(extras.roles)
    _check_mask(extras.roles)
    _check_placement(extras)
    sizes = {number: (image.width, image.height) for number, image in enumerate(images, start=1)}
    roles: list[Role] = ["base"]
    notes = []
    for number, image in enumerate(images[1:], start=2):
        if number in extras.roles:
            role = extras.roles[number]
            roles.append(role)
            if role == "reference" and not model.interprets_prompt:
                notes.append(f"Image {number} is not used: {model.id} takes nothing from references.")
            continue
        if "mask" in extras.roles.values():
            image = replace(image, looks_like_mask=False)  # there is one at most
        limits = "mask" not in roles and could_be_mask(number, sizes, extras.roles, model.interprets_prompt)
        role, why = _infer(number, image, number in extras.placement, limits, model)
        roles.append(role)
        notes.append(f"Image {number} is taken as {role}: {why}.")
    return tuple(roles), tuple(notes)


def could_be_mask(
    number: int, sizes: Mapping[int, tuple[int, int]], roles: Mapping[int, Role], interprets_prompt: bool
) -> bool:
    """Return whether an image, as a mask, has the base's size and would limit something.

    Args:
        sizes: width and height of every image by number, the base's first.
        roles: those that are given.
        interprets_prompt: whether the model does; another composites.
    """
    base, *further = sizes
    laid_on = any(roles.get(other, "overlay") == "overlay" for other in further if other != number)
    return sizes[number] == sizes[base] and (interprets_prompt or laid_on)


def _infer(number: int, image: ImageFacts, placed: bool, limits: bool, model: Model) -> tuple[Role, str]:
    if placed:
        return "overlay", "multiedit.placement places it"
    usual: Role = "reference" if model.interprets_prompt else "overlay"
    if image.looks_like_mask and limits:
        return "mask", (
            "it is grey, nearly all of it is black or white, and it has image 1's size. If it is none, say "
            + _saying(number, usual)
        )
    works = "makes a new image from it" if model.interprets_prompt else "composites layers"
    other = f". It is black and white; if it is a mask, say {_saying(number, 'mask')}"
    return usual, f"{model.id} {works}{other if image.looks_like_mask else ''}"


def _saying(number: int, role: Role) -> str:
    return f'{_FIELD} {{"{number}": "{role}"}} (--role {number}={role})'


def _check_mask(roles: Mapping[int, Role]) -> None:
    masks = [number for number, role in sorted(roles.items()) if role == "mask"]
    if len(masks) > 1:
        raise InvalidRequest(
            f"{_FIELD} makes images {masks[0]} and {masks[1]} masks; a request has one mask at most. "
            "Merge them into one image.",
            field=_FIELD,
        )


def _check_placement(extras: Extras) -> None:
    for number in sorted(extras.placement):
        role = "base" if number == 1 else extras.roles.get(number, "overlay")
        if role != "overlay":
            raise InvalidRequest(
                f"multiedit.placement places image {number}, which is the {role}; only overlays are placed. "
                "Leave its placement out, or make it an overlay.",
                field=f"multiedit.placement.{number}",
            )


def _check_base(roles: Mapping[int, Role]) -> None:
    for number, role in sorted(roles.items()):
        if (role == "base") != (number == 1):
            raise InvalidRequest(
                f"{_FIELD} makes image {number} the {role}; image 1 is the base. Send the base image first.",
                field=_FIELD,
            )
