"""Convert what sockets and widgets give to the arguments that pipelines/ takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import comfy.cli_args
from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..pipelines.images.encode import EncodeOptions
    from ..pipelines.layers.composite import Colour
    from ..pipelines.layers.stack import Canvas

# Core's type by its name, which works on ComfyUI before 0.31 too.
LAYERS = io.Custom("LAYERS")


def size_of(image: object) -> tuple[int, int]:
    """(width, height) of an image."""
    from ..pipelines.images.tensor_input import image_batch

    batch = image_batch(image, "image")
    return batch.shape[2], batch.shape[1]


def intermediate_dtype() -> torch.dtype:
    """The float type in which core's nodes give images and masks: half with --fp16-intermediates."""
    import torch

    # Older versions have neither the option nor core's own function for it.
    return torch.float16 if getattr(comfy.cli_args.args, "fp16_intermediates", False) else torch.float32


def output_tensor(tensor: Tensor) -> Tensor:
    """An image or a mask in the float type of core's nodes."""
    return tensor.to(intermediate_dtype())


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


def layers_by_number(images: Mapping[str, Any], masks: Mapping[str, Any]) -> dict[int, tuple[Any, Any]]:
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
    return {number: (image, mask_of.get(number)) for number, image in image_of.items()}


def edit_images(images: Mapping[str, Any], mask: Any) -> tuple[dict[int, Tensor], Tensor | None]:
    """The images of an edit by number, and its mask (1 = change here), which Load Image's empty one is not.

    Raises:
        InvalidRequest: a tensor is no image or no mask (see `tensor_input`).
    """
    from ..pipelines.images.tensor_input import image_tensors
    from ..pipelines.layers.stack import given_mask

    tensors = image_tensors(values_by_number("image_", images), "image_{}")
    return tensors, given_mask(mask, "mask", next(iter(tensors.values())))


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
