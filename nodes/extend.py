"""Extend Image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..pipelines.common.settings import Limits
from ..pipelines.layers.extension import (
    LARGEST_PERCENT,
    SIDES,
    Extend,
    Extension,
    extend_fields,
    read_extend,
    resolve_extension,
)
from ..pipelines.layers.placement import ANCHORS
from .dynamic_options import UNSENT, refuse_unknown, require_option
from .progress import interruptible_torch, show_text
from .socket_values import output_tensor

if TYPE_CHECKING:
    from torch import Tensor

_RATIOS = ("1:1", "4:3", "3:2", "16:9", "21:9", "3:4", "2:3", "9:16", "4:5", "5:4", "2:1", "1:2")
_BY_SIDES, _BY_RATIO = "sides", "aspect_ratio"


class MultiEditExtend(io.ComfyNode):
    """Extend an image beyond its sides, with the mask of what is added."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MultiEditExtend",
            display_name="Extend Image",
            category="MultiEdit",
            description=(
                "Adds canvas around an image (outpainting), by sides or to an aspect ratio, and gives the "
                "mask of what is added. Connect both to Multi-Edit with keep_size on: the model makes what "
                "is new, and the image keeps its pixels, bit for bit. Multi-Edit does the same by its input "
                "extend."
            ),
            search_aliases=[
                "outpaint",
                "pad image for outpainting",
                "uncrop",
                "expand image",
                "extend canvas",
                "zoom out",
                "border",
            ],
            inputs=[*_sockets(), _extend_input(), _fill_input()],
            outputs=[
                io.Image.Output("image", tooltip="The extended image; the old one keeps its pixels in it."),
                io.Mask.Output("mask", tooltip="1 (white) = what was added, and what mask selects."),
            ],
            hidden=[io.Hidden.unique_id],
            accept_all_inputs=True,
        )

    @classmethod
    def validate_inputs(cls, extend: Any = UNSENT, fill: Any = UNSENT, image: Any = None) -> bool | str:
        return refuse_unknown(cls, extend=extend, fill=fill)

    @classmethod
    @interruptible_torch()
    def execute(
        cls,
        image: Any,
        extend: dict[str, Any] | None = None,
        fill: dict[str, Any] | None = None,
        mask: Any = None,
        **others: Any,
    ) -> io.NodeOutput:
        from ..pipelines.images.tensor_input import image_tensor
        from ..pipelines.layers.extended import extend_image, extend_mask
        from ..pipelines.layers.stack import given_mask

        own = image_tensor(image, "image")
        change = given_mask(mask, "mask", own)
        extension = _resolved(_asked(require_option("extend", extend)), own)
        filled = require_option("fill", fill)
        extended = extend_image(own, extension, filled.get("color", filled["fill"]))
        selected = extend_mask(change, extension, len(own)).to(own.device)
        shown = show_text(cls, "{} x {} pixels".format(*extension.size))
        return io.NodeOutput(output_tensor(extended), output_tensor(selected), ui=shown)


def extend_input() -> io.Input:
    """Make the input of Multi-Edit for what this node does."""
    return io.String.Input(
        "extend",
        default="",
        optional=True,
        placeholder="left=25%,right=25% or 16:9",
        tooltip="Extends image_1 beyond its sides (outpainting): left, top, right, bottom in pixels or "
        "percent, or an aspect ratio; fill=mirror, blur or a colour such as #808080 with either. The result "
        "has the extended size, and image_1 keeps its pixels in it. Empty: nothing is added.",
    )


def read_extend_text(text: str, image: Tensor) -> Extend | None:
    """Read `extend_input` for an image [B, H, W, C]; None where it is empty.

    Raises:
        InvalidRequest: see `extend_fields`, `read_extend` and `resolve_extension`.
    """
    if not text.strip():
        return None
    extend = read_extend(extend_fields(text, "extend"), "extend")
    _resolved(extend, image)
    return extend


def _resolved(extend: Extend, image: Tensor) -> Extension:
    return resolve_extension(extend, (image.shape[2], image.shape[1]), Limits.from_environment())


def _asked(extend: Mapping[str, Any]) -> Extend:
    """Read the widgets: a linked value has no range of its own."""
    if extend["extend"] == _BY_RATIO:
        return read_extend(
            {name: extend[name] for name in ("aspect_ratio", "anchor") if name in extend}, "extend"
        )
    percent = extend.get("unit") == "percent"
    amounts = {side: extend.get(side, 0) for side in SIDES}
    asked = {side: f"{amount}%" for side, amount in amounts.items()} if percent else amounts
    return read_extend(asked, "extend")


def _sockets() -> list[io.Input]:
    return [
        io.Image.Input("image", tooltip="RGB or RGBA, one frame or a batch."),
        io.Mask.Input(
            "mask",
            optional=True,
            tooltip="What of the image itself may change too: 1 = change. Any size, stretched to the image. "
            "The empty 64x64 mask of Load Image counts as no mask.",
        ),
    ]


def _extend_input() -> io.Input:
    unit = io.Combo.Input(
        "unit",
        optional=True,
        options=["pixels", "percent"],
        tooltip="What the sides count: pixels, or percent of the image's width or height, "
        f"{LARGEST_PERCENT:g} at most.",
    )
    ratio = io.Combo.Input(
        "aspect_ratio",
        options=list(_RATIOS),
        tooltip="The shape of the result, width:height; nothing is cut.",
    )
    anchor = io.Combo.Input(
        "anchor",
        optional=True,
        options=list(ANCHORS),
        default="center",
        tooltip="Where the image lies in it.",
    )
    return io.DynamicCombo.Input(
        "extend",
        options=[
            io.DynamicCombo.Option(_BY_SIDES, [*(_side(side) for side in SIDES), unit]),
            io.DynamicCombo.Option(_BY_RATIO, [ratio, anchor]),
        ],
        tooltip="Add so much at each side, or as much as an aspect ratio needs.",
    )


def _side(name: str) -> io.Input:
    return io.Int.Input(
        name,
        optional=True,
        default=0,
        min=0,
        max=Limits.max_side,
        tooltip=f"How much is added at the {name}, in unit.",
    )


def _fill_input() -> io.Input:
    color = io.Color.Input("color", default="#808080", tooltip="The colour, sRGB.")
    return io.DynamicCombo.Input(
        "fill",
        options=[
            io.DynamicCombo.Option("mirror", []),
            io.DynamicCombo.Option("blur", []),
            io.DynamicCombo.Option("color", [color]),
        ],
        tooltip="What is added looks like this: the image mirrored, the same dissolving into a blur, or a "
        "colour. A model that edits it sees that.",
    )
