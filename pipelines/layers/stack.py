"""Build LAYERS documents from images, with every layer placed in pixels, as core reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.types import OnProgress, Size
from ..images.resample import resize_mask
from ..images.tensor_input import image_tensors, mask_tensor
from .composite import Colour, composite
from .document import PLACEMENT_KEYS, VERSION, parse_document, tensor_items
from .placement import Placement, place, read_placement

Canvas = Size | Literal["base", "extent"]
Item = dict[str, Any]

_COVER = Placement(fit="cover")
_EMPTY = 64  # the side of the mask that ComfyUI's LoadImage gives for an image without transparency


@dataclass(frozen=True)
class Composed:
    """A composited document.

    Attributes:
        image: float32 [B, H, W, 3 or 4], as `composite` gives it.
        mask: float32 [B, H, W], 1 = transparent.
        layers: the document, every layer placed in pixels.
    """

    image: Tensor
    mask: Tensor
    layers: Item


def layer_mask(image: Tensor) -> Tensor:
    """The layer mask (1 = transparent) of an image [B, H, W, 3 or 4].

    Without alpha it is [B, 64, 64] of zeros, as ComfyUI's LoadImage has it.
    """
    return image.new_zeros(image.shape[0], _EMPTY, _EMPTY) if image.shape[3] == 3 else 1.0 - image[..., 3]


def is_empty_mask(mask: Tensor, image: Tensor) -> bool:
    """Return whether a mask [B, h, w] is LoadImage's empty one, which says nothing about an image."""
    empty = tuple(mask.shape[1:]) == (_EMPTY, _EMPTY) != tuple(image.shape[1:3])
    return empty and not bool(mask.any())


def given_mask(value: object, name: str, image: Tensor) -> Tensor | None:
    """Convert an image's mask to float32 [B, h, w] on its device; None for none and for LoadImage's empty.

    Raises:
        InvalidRequest: see `mask_tensor`.
    """
    mask = None if value is None else mask_tensor(value, name, image.device)
    return None if mask is None or is_empty_mask(mask, image) else mask


def with_layer_mask(image: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """An image [B, H, W, 3 or 4] and its layer mask [b, h, w] (1 = transparent), joined where it has alpha.

    What either makes transparent is: an image whose own alpha comes as its mask too does not lose twice.
    """
    if mask is None or image.shape[3] == 3:
        return image, mask
    alpha = 1.0 - resize_mask(mask, (image.shape[2], image.shape[1]))
    frames = max(len(image), len(alpha))
    colours = image[..., :3].expand(frames, -1, -1, -1)
    return torch.cat([colours, torch.minimum(image[..., 3], alpha)[..., None]], dim=3), None


def stack_images(images: Sequence[Tensor]) -> Item:
    """Make a document of images [1, H, W, 3 or 4]: the first is the canvas, the others are contained.

    The others lie there in pixels, for core, and have an empty placement: `compose_stack` may place them.
    """
    canvas = (images[0].shape[2], images[0].shape[1])
    base = _item(images[0], None, "image 1")
    others = [
        _placed_item(image, None, f"image {number}", Placement())
        for number, image in enumerate(images[1:], start=2)
    ]
    document = _document([base, *others], canvas)
    for item in document["layers"][1:]:
        item["placement"] = {}
    return document


def stack_frames(frames: Tensor, canvas: Size) -> Item:
    """Make a document of a batch [N, H, W, 3 or 4]: the first at the bottom, each over the whole canvas."""
    items = [
        {**_item(frame[None], None, f"layer {number}"), "w": canvas[0], "h": canvas[1]}
        for number, frame in enumerate(frames, start=1)
    ]
    return _document(items, canvas)


def is_unplaced(item: Mapping[str, Any]) -> bool:
    """Return whether a layer of a document is still to be placed: nothing has said where it goes."""
    return item.get("placement") == {}


def compose_stack(
    layers: Mapping[str, Any] | None,
    images: Mapping[int, tuple[object, object]],
    placement: Placement,
    *,
    placements: Mapping[int, Placement] | None = None,
    canvas: Canvas,
    background: Colour | None,
    limits: Limits,
    progress: OnProgress = lambda share: None,
) -> Composed:
    """Lay images over a document, or over the first of them, and composite all.

    Args:
        layers: a LAYERS document, or None. Without one the first image is the base; it is not placed,
            but covers a canvas of another size than its own, centred.
        images: by number, an image and its layer mask (1 = transparent) or None, of any layout that
            `images/tensor_input.py` takes. An empty mask of LoadImage counts as None.
        placement: of every image but the base, and of the document's layers that are unplaced.
        placements: of single images instead, by number; the base is not placed.
        canvas: in pixels; `base` is the document's own canvas or the base's size, `extent` goes as far
            right and down as the document's layers, or the base.
        background: sRGB, 0..1; it becomes the bottom layer.

    Raises:
        InvalidRequest: no layers or images, or the document, a tensor, a size or a number of frames is wrong.
    """
    overlays = _tensors(images)
    if layers is None and not overlays:
        raise InvalidRequest("Nothing to compose; connect layers or images.", field="images")
    if layers is None:
        number, base, mask = overlays.pop(0)
        size = canvas if isinstance(canvas, tuple) else (base.shape[2], base.shape[1])
        items = [_placed_item(base, mask, f"image {number}", _COVER)]
    else:
        items = tensor_items(layers, limits)
        size = _own_size({**layers, "layers": items}, canvas, limits)
        items = [{**item, **_placed(placement)} if is_unplaced(item) else item for item in items]
    for number, image, mask in overlays:
        own = (placements or {}).get(number, placement)
        items.append(_placed_item(image, mask, f"image {number}", own))
    if background is not None:
        items.insert(0, _background(background, items, size))
    stacked = _document(items, size)
    image = composite(parse_document(stacked, limits), progress=progress)
    mask = 1.0 - image[..., 3] if image.shape[3] == 4 else image.new_zeros(image.shape[:3])
    return Composed(image, mask, stacked)


def _tensors(images: Mapping[int, tuple[object, object]]) -> list[tuple[int, Tensor, Tensor | None]]:
    """Convert images with their masks, in order; all on the device of the first."""
    tensors = image_tensors({number: image for number, (image, _) in sorted(images.items())}, "image_{}")
    return [
        (number, image, given_mask(images[number][1], f"mask_{number}", image))
        for number, image in tensors.items()
    ]


def _own_size(layers: Mapping[str, Any], canvas: Canvas, limits: Limits) -> Size:
    """The size of a document on its own canvas or another; the whole document is checked for it."""
    sizes: dict[Canvas, object] = {"base": layers.get("canvas"), "extent": None}
    document = parse_document({**layers, "canvas": sizes.get(canvas, canvas)}, limits)
    return document.width, document.height


def _item(image: Tensor, mask: Tensor | None, name: str) -> Item:
    image, mask = with_layer_mask(image, mask)
    item: Item = {"type": "raster", "image": image, "name": name, "x": 0, "y": 0, "z_index": 0}
    return item if mask is None else {**item, "mask": mask}


def _placed_item(image: Tensor, mask: Tensor | None, name: str, placement: Placement) -> Item:
    return {**_item(image, mask, name), **_placed(placement)}


def _placed(placement: Placement) -> Item:
    fields = asdict(placement)
    return {
        "z_index": placement.z,
        **{key: fields[key] for key in ("opacity", "blend_mode", "visible", "flip_h", "flip_v")},
        "rotation": math.radians(placement.rotation),
        "placement": {key: fields[key] for key in PLACEMENT_KEYS},
    }


def _background(colour: Colour, items: Sequence[Item], size: Size) -> Item:
    lowest = min(items, key=lambda item: item.get("z_index", 0))
    image = lowest["image"].new_tensor(colour).view(1, 1, 1, 3)
    z_index = lowest.get("z_index", 0) - 1
    return {**_item(image, None, "background"), "w": size[0], "h": size[1], "z_index": z_index}


def _document(items: Sequence[Item], canvas: Size) -> Item:
    layers = [_in_pixels(item, canvas, f"layers.{n}") for n, item in enumerate(items, start=1)]
    return {"version": VERSION, "canvas": canvas, "layers": layers}


def _in_pixels(item: Item, canvas: Size, path: str) -> Item:
    """The item with its placement, which core does not know, resolved to x, y, w and h."""
    if item.get("placement") is None:
        return item
    placement = read_placement(item["placement"], f"{path}.placement", PLACEMENT_KEYS)
    image = item["image"]
    box = place(placement, (image.shape[2], image.shape[1]), canvas)
    fixed = {key: value for key, value in item.items() if key != "placement"}
    fixed |= {"x": box.x, "y": box.y, "w": box.width, "h": box.height}
    return {**fixed, "seamless": True} if placement.seamless else fixed
