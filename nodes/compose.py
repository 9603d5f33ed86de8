"""Compose Layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.common.settings import Limits
from ..pipelines.layers.placement import Placement
from .placement_inputs import placement_inputs
from .progress import interruptible_torch, progress_callback
from .socket_values import (
    LAYERS,
    background_color,
    canvas_size,
    layers_by_number,
    numbered_sockets,
    output_tensor,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .placement_inputs import PlacementWidgets


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
                "overlays on top of them. The placement settings hold for all overlays of this node; chain "
                "several nodes by layers to place each in its own way."
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
            inputs=[*_sockets(), *placement_inputs(), *_canvas()],
            outputs=_outputs(),
        )

    @classmethod
    @interruptible_torch()
    def execute(
        cls,
        layers: dict[str, Any] | None = None,
        images: dict[str, Any] | None = None,
        masks: dict[str, Any] | None = None,
        z_index: int = 0,
        canvas: dict[str, Any] | None = None,
        background: dict[str, Any] | None = None,
        **placement: Unpack[PlacementWidgets],
    ) -> io.NodeOutput:
        from ..pipelines.layers.stack import compose_stack

        composed = compose_stack(
            layers,
            layers_by_number(images or {}, masks or {}),
            Placement(**placement),
            z_index=z_index,
            canvas=canvas_size(canvas or {}),
            background=background_color(background or {}),
            limits=Limits.from_environment(),
            progress=progress_callback(),
        )
        return io.NodeOutput(output_tensor(composed.image), output_tensor(composed.mask), composed.layers)


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
        numbered_sockets(
            "images",
            io.Image.Input(
                "image",
                tooltip="An overlay; image_1 is the base if layers is not connected. One frame, or "
                "as many as the longest batch.",
            ),
            Limits.max_layers,
            "The images, bottom first: image_1, image_2 and so on. RGB or RGBA.",
        ),
        numbered_sockets(
            "masks",
            io.Mask.Input(
                "mask",
                tooltip="1 = transparent, as Load Image has it; of any size, stretched to the "
                "image of the same number.",
            ),
            Limits.max_layers,
            "Transparency of the images: mask_2 belongs to image_2. 1 = transparent.",
        ),
    ]


def _canvas() -> list[io.Input]:
    return [
        io.Int.Input(
            "z_index",
            optional=True,
            default=0,
            min=-1000,
            max=1000,
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
