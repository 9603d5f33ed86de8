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
# Takes any text. Not STRING with force_input: the frontend counts such an input as a widget when it restores
# a node, and so drops the values of others.
TEXT_SOCKET = io.Custom("MULTIEDIT_TEXT,STRING")


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


def split_sockets(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs of a node as its numbered sockets (image_1, mask_1, image_2, ...), and the others."""
    numbered = {name for name in inputs if name.rpartition("_")[2].isdecimal()}
    return (
        {name: value for name, value in inputs.items() if name in numbered},
        {name: value for name, value in inputs.items() if name not in numbered},
    )


def values_by_number(prefix: str, values: Mapping[str, Any]) -> dict[int, Any]:
    """The values of sockets by their number: {"image_2": x} is {2: x}; empty sockets are out."""
    given = {
        int(name.removeprefix(prefix)): value
        for name, value in values.items()
        if name.startswith(prefix) and value is not None
    }
    return dict(sorted(given.items()))


def layers_by_number(sockets: Mapping[str, Any]) -> dict[int, tuple[Any, Any]]:
    """Images by number, each with the layer mask (1 = transparent) of its number, or None.

    Args:
        sockets: image_1, mask_1, image_2 and so on.

    Raises:
        InvalidRequest: a mask has no image.
    """
    image_of, mask_of = values_by_number("image_", sockets), values_by_number("mask_", sockets)
    for number in mask_of.keys() - image_of.keys():
        raise InvalidRequest(
            f"mask_{number} is connected, but image_{number} gives no image. Connect it, or remove the mask.",
            field=f"mask_{number}",
        )
    return {number: (image, mask_of.get(number)) for number, image in image_of.items()}


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
