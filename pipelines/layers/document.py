"""ComfyUI core's LAYERS document, checked and typed.

    {"version": 1, "canvas": (width, height),
     "layers": [{"type": "raster", "image": [B,H,W,3|4], "mask": [B,h,w] (1 = transparent), "name": "",
                 "x": 0, "y": 0, "w": 0, "h": 0, "z_index": 0, "opacity": 1.0, "blend_mode": "normal",
                 "visible": True, "flip_h": False, "flip_v": False, "rotation": 0.0 (radians, clockwise),
                 "seamless": False, "placement": {...}}]}

Only `image` is needed. Images and masks may be of any layout that `images/tensor_input.py` takes. `w` and `h`
of 0 mean the image's own. `seamless` and `placement` are ours, and core passes them by: `seamless` blends the
layer into what lies under it (see seamless.py); in `placement`, `fit`, `anchor`, `offset_x`, `offset_y`,
`unit` and `scale` put it relative to the canvas instead of `x`, `y`, `w`, `h` (see placement.py), and
`seamless` may stand there too. Without a canvas it reaches as far right and down as the layers without a
placement do, or all where each has one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.validation import boolean, choice, describe, integer, invalid_value, mapping, number
from ..images.tensor_input import count_frames, image_tensor, mask_tensor
from .modes import BLEND_MODES
from .placement import Box, place, read_placement

VERSION = 1
_WHOLE = "the LAYERS document"
_FAR = 1e6  # bounds what a document may say about places, in pixels

ITEM_KEYS = (
    "image", "type", "mask", "name", "x", "y", "w", "h", "z_index", "opacity", "blend_mode", "visible",
    "flip_h", "flip_v", "rotation", "seamless", "placement",
)  # fmt: skip
PLACEMENT_KEYS = ("fit", "anchor", "offset_x", "offset_y", "unit", "scale", "seamless")


@dataclass(frozen=True)
class Layer:
    """One raster layer, placed.

    Attributes:
        image: float32 [B, H, W, 3 or 4], 0..1, sRGB, straight alpha.
        mask: float32 [B, h, w] or None; 1 = transparent, of any size, stretched over the image.
        box: where the unrotated layer lies on the canvas.
        rotation: radians, clockwise, about the box's centre.
    """

    image: Tensor
    box: Box
    mask: Tensor | None = None
    name: str = ""
    opacity: float = 1.0
    blend_mode: str = "normal"
    visible: bool = True
    flip_h: bool = False
    flip_v: bool = False
    rotation: float = 0.0
    seamless: bool = False

    @property
    def batches(self) -> tuple[Tensor, ...]:
        """The image, and the mask where there is one."""
        return (self.image,) if self.mask is None else (self.image, self.mask)

    @property
    def native(self) -> bool:
        """Return whether the box has the image's own size."""
        return (self.box.width, self.box.height) == (self.image.shape[2], self.image.shape[1])


@dataclass(frozen=True)
class Document:
    """A canvas in pixels and its layers, bottom first, and the number of frames of the result."""

    width: int
    height: int
    layers: tuple[Layer, ...]

    @property
    def frames(self) -> int:
        return max((len(pixels) for layer in self.layers for pixels in layer.batches), default=1)


def rotated_bounds(box: Box, rotation: float) -> Box:
    """The pixels that a box touches after a rotation about its centre."""
    if rotation == 0:
        return box
    sine, cosine = abs(math.sin(rotation)), abs(math.cos(rotation))
    half_width = (box.width * cosine + box.height * sine) / 2
    half_height = (box.width * sine + box.height * cosine) / 2
    centre_x, centre_y = box.x + box.width / 2, box.y + box.height / 2
    # 1e-9: a quarter turn must not reach into a further pixel by rounding
    left, top = math.floor(centre_x - half_width + 1e-9), math.floor(centre_y - half_height + 1e-9)
    right, bottom = math.ceil(centre_x + half_width - 1e-9), math.ceil(centre_y + half_height - 1e-9)
    return Box(left, top, max(1, right - left), max(1, bottom - top))


def parse_document(document: object, limits: Limits) -> Document:
    """Check a LAYERS document and order its layers by z_index (stable), all on the bottom one's device.

    Raises:
        InvalidRequest: it is not a document, or a value is of the wrong type or out of range; the message
            and `field` name the place (`layers.2.opacity`).
    """
    items = tensor_items(document, limits)
    readers = [_Item(item, f"layers.{position}") for position, item in enumerate(items, start=1)]
    canvas = _canvas(mapping(document, _WHOLE).get("canvas"), readers)
    _check_area("canvas", canvas, limits)
    ordered = sorted(readers, key=lambda reader: reader.z_index)
    layers = tuple(reader.layer(canvas, limits, ordered[0].image.device) for reader in ordered)
    named = [(f"Layer {describe(each.name)}", batch) for each in layers for batch in each.batches]
    count_frames(named, "layers")
    return Document(canvas[0], canvas[1], layers)


def tensor_items(document: object, limits: Limits) -> list[dict[str, Any]]:
    """Return copies of a document's items in its order, images and masks converted by `tensor_input`.

    Raises:
        InvalidRequest: it is not a document, or its version, number of layers, images or masks are wrong.
    """
    given = mapping(document, _WHOLE)
    version, items = given.get("version", VERSION), given.get("layers")
    if version != VERSION:
        raise invalid_value("version", version, f"{VERSION}, the only one there is")
    if not isinstance(items, (list, tuple)) or not 1 <= len(items) <= limits.max_layers:
        count = f"{len(items)} layers" if isinstance(items, (list, tuple)) else items
        raise invalid_value(
            "layers", count, f"a list of 1 to {limits.max_layers} layers (MULTIEDIT_MAX_LAYERS)"
        )
    return [_tensor_item(item, f"layers.{position}") for position, item in enumerate(items, start=1)]


def _tensor_item(value: object, path: str) -> dict[str, Any]:
    item = dict(mapping(value, path))
    item["image"] = image_tensor(item.get("image"), f"{path}.image")
    if item.get("mask") is not None:
        item["mask"] = mask_tensor(item["mask"], f"{path}.mask")
    return item


def _canvas(value: object, readers: list[_Item]) -> tuple[int, int]:
    if value is None:
        fixed = [reader for reader in readers if reader.item.get("placement") is None]
        bounds = [rotated_bounds(reader.own_box(), reader.rotation) for reader in fixed or readers]
        return (
            max(1, *(box.x + box.width for box in bounds)),
            max(1, *(box.y + box.height for box in bounds)),
        )
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise invalid_value("canvas", value, "two whole numbers of pixels, [width, height]")
    width, height = (integer(side, "canvas", low=1, high=round(_FAR)) for side in value)
    return width, height


def _check_area(what: str, size: tuple[int, int], limits: Limits) -> None:
    width, height = size
    if max(size) > limits.max_side or width * height > limits.max_canvas_pixels:
        raise InvalidRequest(
            f"{what} is {width}x{height}; the limit is {limits.max_side} px a side and "
            f"{limits.max_canvas_pixels} px in all. Make it smaller. MULTIEDIT_MAX_SIDE and "
            "MULTIEDIT_MAX_CANVAS_PIXELS set the limits.",
            field=what,
        )


class _Item:
    """One layer of the document, its values read and named by their place in every error."""

    def __init__(self, item: Mapping[str, Any], path: str) -> None:
        self.item = item
        self.path = path
        choice(self.item.get("type", "raster"), f"{path}.type", options=("raster",))
        self.image: Tensor = item["image"]
        self.rotation = self.number("rotation", 0.0, _FAR)
        self.z_index = self.number("z_index", 0, _FAR)

    def number(self, key: str, default: float, high: float, low: float | None = None) -> float:
        value = self.item.get(key, default)
        return number(value, f"{self.path}.{key}", low=-high if low is None else low, high=high)

    def flag(self, key: str, default: bool) -> bool:
        return boolean(self.item.get(key, default), f"{self.path}.{key}")

    def own_box(self) -> Box:
        """The box that x, y, w and h give, whatever the canvas."""
        return Box(
            round(self.number("x", 0, _FAR)),
            round(self.number("y", 0, _FAR)),
            round(self.number("w", 0, _FAR, 0)) or self.image.shape[2],
            round(self.number("h", 0, _FAR, 0)) or self.image.shape[1],
        )

    def layer(self, canvas: tuple[int, int], limits: Limits, device: torch.device) -> Layer:
        box, seamless = self.own_box(), self.flag("seamless", False)
        if self.item.get("placement") is not None:
            placement = read_placement(self.item["placement"], f"{self.path}.placement", PLACEMENT_KEYS)
            box = place(placement, (self.image.shape[2], self.image.shape[1]), canvas)
            seamless = seamless or placement.seamless
        _check_area(self.path, (box.width, box.height), limits)
        mask: Tensor | None = self.item.get("mask")
        return Layer(
            image=self.image.to(device),
            box=box,
            mask=None if mask is None else mask.to(device),
            name=str(self.item.get("name") or self.path),
            opacity=self.number("opacity", 1.0, 1.0, 0.0),
            blend_mode=choice(
                self.item.get("blend_mode", "normal"), f"{self.path}.blend_mode", options=BLEND_MODES
            ),
            visible=self.flag("visible", True),
            flip_h=self.flag("flip_h", False),
            flip_v=self.flag("flip_v", False),
            rotation=self.rotation,
            seamless=seamless,
        )
