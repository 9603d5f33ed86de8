"""Sockets to arguments: what a graph hands over, in the form that pipelines/ takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

if TYPE_CHECKING:
    from torch import Tensor

    from ..pipelines.images.encode import EncodeOptions
    from ..pipelines.layers.composite import Colour
    from ..pipelines.layers.stack import Canvas

# Core's type by its name, which works on ComfyUI before 0.31 too.
LAYERS = io.Custom("LAYERS")


def size_of(image: Tensor) -> tuple[int, int]:
    """(width, height) of a batch [B, H, W, C]."""
    return image.shape[2], image.shape[1]


def numbered(prefix: str, values: Mapping[str, Any]) -> dict[int, Any]:
    """What an Autogrow input gives by its numbers: {"image_2": x} is {2: x}. Empty sockets are left out."""
    given = {int(name.removeprefix(prefix)): value for name, value in values.items() if value is not None}
    return dict(sorted(given.items()))


def numbered_layers(
    images: Mapping[str, Tensor | None], masks: Mapping[str, Tensor | None]
) -> dict[int, tuple[Tensor, Tensor | None]]:
    """Images by number, each with the layer mask of its number, if it says anything."""
    by_number = numbered("mask_", masks)
    return {
        number: (image, _said(by_number.get(number), image))
        for number, image in numbered("image_", images).items()
    }


def edit_mask(mask: Tensor | None, images: Mapping[int, Tensor]) -> Tensor | None:
    """The mask as it is (1 = change here), or None where it is LoadImage's empty one."""
    return _said(mask, next(iter(images.values())))


def _said(mask: Tensor | None, image: Tensor) -> Tensor | None:
    from ..pipelines.layers.stack import is_no_mask

    return None if mask is None or is_no_mask(mask, image) else mask


def chosen_size(canvas: Mapping[str, Any]) -> Canvas:
    return (canvas["width"], canvas["height"]) if "width" in canvas else canvas.get("canvas", "base")


def chosen_color(background: Mapping[str, Any]) -> Colour | None:
    from ..pipelines.layers.document_file import read_colour

    return read_colour(background["color"], "background.color") if "color" in background else None


def encode_options(choice: Mapping[str, Any]) -> EncodeOptions:
    """The settings of a format; `auto` has JPEG's, since png has none."""
    from ..pipelines.images.encode import EncodeOptions
    from ..pipelines.layers.document_file import read_colour

    given = {name: value for name, value in choice.items() if name != "format"}
    if "background" in given:
        given["background"] = read_colour(given["background"], "format.background")
    return EncodeOptions(format="jpeg" if choice["format"] == "auto" else choice["format"], **given)
