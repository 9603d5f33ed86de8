"""Compose Layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.settings import Limits
from ..pipelines.layers.placement import FARTHEST_Z, Placement
from .dynamic_options import UNSENT, refuse_unknown
from .input_safety import require_safe_inputs
from .placement_inputs import (
    per_image_input,
    placement_inputs,
    placement_of,
    read_placements,
    require_sockets,
)
from .progress import interruptible_torch, progress_callback, show_text
from .result_pictures import result_pictures
from .socket_values import (
    LAYERS,
    background_color,
    canvas_size,
    layers_by_number,
    output_tensor,
    split_sockets,
    values_by_number,
)
from .stage_pictures import TOLD_AGAIN, stage_pictures

Overlays = Mapping[int, tuple[Any, Any]]
"""By number: an image, and its layer mask or None."""

_PAIRS = 8  # of one node; more layers by chaining nodes
_IDLE = (
    "The placement settings of this node are not used: everything in layers is placed already. Connect an "
    "image to place it here, or change the node that placed the layers."
)


class MultiEditCompose(io.ComfyNode):
    """Composite a LAYERS document, or images and masks, to one image."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditCompose",
            display_name="Compose Layers",
            category="MultiEdit",
            description=(
                "Composites images over each other, frame by frame. Without layers the first image is "
                "the base and is not placed; the others are overlays. With layers all images here are "
                "overlays on top of them. The placement settings hold for all overlays of this node, and for "
                "those in layers that no node has placed yet (of Load Layered Images); chain several nodes "
                "by layers to place each in its own way."
            ),
            search_aliases=[
                "composite",
                "blend images",
                "overlay",
                "paste",
                "place image",
                "layers",
                "collage",
                "seamless",
                "logo",
                "sticker",
                "watermark",
                "mockup",
                "photoshop",
            ],
            inputs=[*_sockets(), *placement_inputs(), *_canvas(), per_image_input(roles=False)],
            outputs=_outputs(),
            hidden=[io.Hidden.unique_id],
            accept_all_inputs=True,
            **TOLD_AGAIN,
        )

    @classmethod
    def validate_inputs(cls, canvas: Any = UNSENT, background: Any = UNSENT) -> bool | str:
        return refuse_unknown(cls, canvas=canvas, background=background)

    @classmethod
    @interruptible_torch()
    def execute(
        cls,
        layers: dict[str, Any] | None = None,
        z_index: int = 0,
        canvas: dict[str, Any] | None = None,
        background: dict[str, Any] | None = None,
        per_image: str = "",
        **others: Any,
    ) -> io.NodeOutput:
        from ..pipelines.layers.stack import compose_stack

        images, shared, own = _overlays(others, z_index, per_image, has_base=layers is None)
        composed = compose_stack(
            layers,
            images,
            shared,
            placements=own,
            canvas=canvas_size(canvas or {}),
            background=background_color(background or {}),
            limits=Limits.from_environment(),
            progress=progress_callback(),
        )
        _judge(composed.layers)
        outputs = output_tensor(composed.image), output_tensor(composed.mask), composed.layers
        return io.NodeOutput(*outputs, ui=_shown(cls, images, layers, shared, z_index, outputs[0]))


def _overlays(
    inputs: Mapping[str, Any], z_index: int, per_image: str, *, has_base: bool
) -> tuple[Overlays, Placement, dict[int, Placement]]:
    """The images with their masks, the placement of all of them, and those of single ones."""
    sockets, fields = split_sockets(inputs)
    shared = replace(placement_of(fields), z=z_index)
    return layers_by_number(sockets), shared, _own_placements(per_image, shared, sockets, has_base=has_base)


def _shown(
    cls: type[io.ComfyNode],
    images: Overlays,
    layers: dict[str, Any] | None,
    shared: Placement,
    z_index: int,
    result: Any,
) -> dict[str, Any] | None:
    """What the page shows: images and result in small, and that a placement is set where none is used."""
    idle = shared != Placement(z=z_index) and not images and not _has_unplaced(layers)
    note = show_text(cls, _IDLE).as_dict() if idle else {}
    return {**stage_pictures(cls, images, layers), **result_pictures(result), **note} or None


def _own_placements(
    per_image: str, shared: Placement, sockets: Mapping[str, Any], *, has_base: bool
) -> dict[int, Placement]:
    """The placements of single images. Raises InvalidRequest: one is not connected, or is the base."""
    placements = read_placements(per_image, shared)
    require_sockets(placements, sockets)
    base = min(values_by_number("image_", sockets), default=0) if has_base else 0
    if base in placements:
        raise InvalidRequest(
            f"per_image has an entry for image {base}, the base, which is not placed. Remove the entry.",
            field="per_image",
        )
    return placements


def _judge(layers: Mapping[str, Any]) -> None:
    """Judge every layer, also those that no node of ours has loaded."""
    stacked = enumerate(layers["layers"], start=1)
    require_safe_inputs({f"layer {number}": layer["image"] for number, layer in stacked})


def _has_unplaced(layers: dict[str, Any] | None) -> bool:
    from ..pipelines.layers.stack import is_unplaced

    return layers is not None and any(map(is_unplaced, layers["layers"]))


def _side(name: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=1024,
        min=1,
        max=Limits.max_side,
        tooltip=f"The canvas {name} in pixels; {Limits.max_canvas_pixels} pixels in all at most.",
    )


def _sockets() -> list[io.Input]:
    return [
        LAYERS.Input(
            "layers",
            optional=True,
            tooltip="LAYERS of another Compose Layers, Load Layered Images or core's Add Layer, under "
            "the images of this node.",
        ),
        *(socket for number in range(1, _PAIRS + 1) for socket in _pair(number)),
    ]


def _pair(number: int) -> list[io.Input]:
    """An image and its mask. Each has its own socket: those that grow move links when one is removed."""
    role = "The base if layers is not connected, else an overlay" if number == 1 else "An overlay"
    return [
        io.Image.Input(
            f"image_{number}",
            optional=True,
            tooltip=f"{role}; higher numbers lie above lower ones. RGB or RGBA; one frame, or as many as the "
            "longest batch.",
        ),
        io.Mask.Input(
            f"mask_{number}",
            optional=True,
            tooltip=f"Transparency of image_{number}, in addition to its own: 1 = transparent, as Load Image "
            "has it. Of any size, stretched to the image.",
        ),
    ]


def _canvas() -> list[io.Input]:
    return [
        io.Int.Input(
            "z_index",
            optional=True,
            default=0,
            min=-FARTHEST_Z,
            max=FARTHEST_Z,
            advanced=True,
            tooltip="Stacking of the overlays of this node: higher is further up, equal ones stay in "
            "order, a negative one goes under a base of 0.",
        ),
        io.DynamicCombo.Input(
            "canvas",
            optional=True,
            options=[
                io.DynamicCombo.Option("base", []),
                io.DynamicCombo.Option("custom", [_side("width"), _side("height")]),
                io.DynamicCombo.Option("extent", []),
            ],
            tooltip="The size of the result: base (the layers' own canvas, or image_1's size), custom "
            "(width and height, from Resolve Size for example; the base covers it, centred) or "
            "extent (as far right and down as the incoming layers reach).",
        ),
        io.DynamicCombo.Input(
            "background",
            optional=True,
            options=[
                io.DynamicCombo.Option("transparent", []),
                io.DynamicCombo.Option(
                    "color",
                    [io.Color.Input("color", default="#ffffff", tooltip="The colour, sRGB.")],
                ),
            ],
            tooltip="What is behind all layers: nothing, or a colour (in layers it is a layer).",
        ),
    ]


def _outputs() -> list[io.Output]:
    return [
        io.Image.Output(
            "image",
            tooltip="As many frames as the longest batch. RGBA where the result has transparency, else RGB.",
        ),
        io.Mask.Output("mask", tooltip="The transparency of the result: 1 = transparent."),
        LAYERS.Output(
            "layers",
            tooltip="All layers, placed in pixels on the canvas, for another Compose Layers or core's "
            "Add Layer and Create Layered Image (which does not know seamless).",
        ),
    ]
