"""Convert what sockets and widgets give to the arguments that pipelines/ takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest

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


def numbered_sockets(
    name: str, socket: io.Input, count: int, tooltip: str | None = None, least: int = 0
) -> io.Autogrow.Input:
    """Make an input that grows by one socket at a time: with the id `image` to image_1, image_2 and so on."""
    names = [f"{socket.id}_{number}" for number in range(1, count + 1)]
    template = io.Autogrow.TemplateNames(socket, names=names, min=least)
    return io.Autogrow.Input(name, template=template, tooltip=tooltip)


def values_by_number(prefix: str, values: Mapping[str, Any]) -> dict[int, Any]:
    """The values of `numbered_sockets` by socket number: {"image_2": x} is {2: x}; empty sockets are out."""
    given = {int(name.removeprefix(prefix)): value for name, value in values.items() if value is not None}
    return dict(sorted(given.items()))


def layers_by_number(
    images: Mapping[str, Tensor | None], masks: Mapping[str, Tensor | None]
) -> dict[int, tuple[Tensor, Tensor | None]]:
    """Images by number, each with the layer mask (1 = transparent) of its number, or None.

    Raises:
        InvalidRequest: a mask has no image.
    """
    image_of, mask_of = values_by_number("image_", images), values_by_number("mask_", masks)
    for number in mask_of.keys() - image_of.keys():
        raise InvalidRequest(
            f"mask_{number} is connected, but image_{number} gives no image. Connect it, or remove the mask.",
            field="masks",
        )
    return {number: (image, _mask_or_none(mask_of.get(number), image)) for number, image in image_of.items()}


def edit_mask(mask: Tensor | None, images: Mapping[int, Tensor]) -> Tensor | None:
    """The mask (1 = change here), or None where it is Load Image's empty one."""
    return _mask_or_none(mask, next(iter(images.values())))


def _mask_or_none(mask: Tensor | None, image: Tensor) -> Tensor | None:
    from ..pipelines.layers.stack import is_empty_mask

    return None if mask is None or is_empty_mask(mask, image) else mask


def canvas_size(canvas: Mapping[str, Any]) -> Canvas:
    """(width, height) of a custom canvas, else the option by its name; `base` where nothing is set."""
    return (canvas["width"], canvas["height"]) if "width" in canvas else canvas.get("canvas", "base")


def background_color(background: Mapping[str, Any]) -> Colour | None:
    """The background's colour, or None where it is transparent."""
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
