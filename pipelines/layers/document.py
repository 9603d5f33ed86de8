"""ComfyUI core's LAYERS document, checked and typed.

    {"version": 1, "canvas": (width, height),
     "layers": [{"type": "raster", "image": [B,H,W,3|4], "mask": [B,h,w] (1 = transparent), "name": "",
                 "x": 0, "y": 0, "w": 0, "h": 0, "z_index": 0, "opacity": 1.0, "blend_mode": "normal",
                 "visible": True, "flip_h": False, "flip_v": False, "rotation": 0.0 (radians, clockwise),
                 "seamless": False, "placement": {...}}]}

Only `image` is needed. `w` and `h` of 0 mean the image's own. `seamless` and `placement` are ours, and core
passes them by: `seamless` blends the layer into what lies under it (see seamless.py); in `placement`, `fit`,
`anchor`, `offset_x`, `offset_y` and `scale` put it relative to the canvas instead of `x`, `y`, `w`, `h` (see
placement.py), and `seamless` may stand there too. Without a
canvas it reaches as far right and down as the layers without a placement do, or all where each has one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.validation import boolean, choice, describe, integer, invalid_value, mapping, number
from .modes import BLEND_MODES
from .placement import Box, place, read_placement

VERSION = 1
_FAR = 1e6  # bounds what a document may say about places, in pixels

ITEM_KEYS = (
    "image", "type", "mask", "name", "x", "y", "w", "h", "z_index", "opacity", "blend_mode", "visible",
    "flip_h", "flip_v", "rotation", "seamless", "placement",
)  # fmt: skip
PLACEMENT_KEYS = ("fit", "anchor", "offset_x", "offset_y", "scale", "seamless")


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
        return max((layer.image.shape[0] for layer in self.layers), default=1)


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
    """Check a LAYERS document and order its layers by z_index (stable).

    Raises:
        InvalidRequest: it is not a document, or a value is of the wrong type or out of range; the message
            and `field` name the place (`layers.2.opacity`).
    """
    given = mapping(document, "the LAYERS document")
    version = given.get("version", VERSION)
    if version != VERSION:
        raise invalid_value("version", version, f"{VERSION}, the only one there is")
    items = given.get("layers")
    if not isinstance(items, (list, tuple)) or not 1 <= len(items) <= limits.max_layers:
        count = f"{len(items)} layers" if isinstance(items, (list, tuple)) else items
        raise invalid_value(
            "layers", count, f"a list of 1 to {limits.max_layers} layers (MULTIEDIT_MAX_LAYERS)"
        )
    readers = [_Item(item, f"layers.{position}") for position, item in enumerate(items, start=1)]
    canvas = _canvas(given.get("canvas"), readers)
    _check_area("canvas", canvas, limits)
    ordered = sorted(readers, key=lambda reader: reader.z_index)
    layers = tuple(reader.layer(canvas, limits) for reader in ordered)
    _check_frames(layers)
    return Document(canvas[0], canvas[1], layers)


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


def _check_frames(layers: tuple[Layer, ...]) -> None:
    longest = max(layer.image.shape[0] for layer in layers)
    for layer in layers:
        for count in (layer.image.shape[0], 1 if layer.mask is None else layer.mask.shape[0]):
            if count not in (1, longest):
                raise InvalidRequest(
                    f"Layer {describe(layer.name)} has {count} frames beside {longest}; each layer and mask "
                    f"needs one frame or {longest}.",
                    field="layers",
                )


class _Item:
    """One layer of the document, its values read and named by their place in every error."""

    def __init__(self, item: object, path: str) -> None:
        self.item = mapping(item, path)
        self.path = path
        choice(self.item.get("type", "raster"), f"{path}.type", options=("raster",))
        self.image = _pixels(self.item.get("image"), f"{path}.image", 4)
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

    def layer(self, canvas: tuple[int, int], limits: Limits) -> Layer:
        box, seamless = self.own_box(), self.flag("seamless", False)
        if self.item.get("placement") is not None:
            placement = read_placement(self.item["placement"], f"{self.path}.placement", PLACEMENT_KEYS)
            box = place(placement, (self.image.shape[2], self.image.shape[1]), canvas)
            seamless = seamless or placement.seamless
        _check_area(self.path, (box.width, box.height), limits)
        mask = self.item.get("mask")
        return Layer(
            image=self.image,
            box=box,
            mask=None if mask is None else _pixels(mask, f"{self.path}.mask", 3),
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


def _pixels(value: object, path: str, dimensions: int) -> Tensor:
    layout = "a tensor [B, H, W, 3 or 4]" if dimensions == 4 else "a tensor [B, H, W]"
    if not isinstance(value, Tensor):
        raise invalid_value(path, value, layout)
    if value.ndim != dimensions or 0 in value.shape or (dimensions == 4 and value.shape[3] not in (3, 4)):
        raise invalid_value(path, f"{list(value.shape)}", layout)
    return value.to(torch.float32)
