"""Small pictures for the stage: of a file, and of layers composited as a run composites them.

Everything here is bounded: a picture is kept in small, in 8 bits, a composite
has at most `MOST_SIDE`, and the cache forgets what was used least. Nothing is written, and nothing fetched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from ..common.errors import InvalidImage, InvalidRequest
from ..common.lru_cache import LRUCache
from ..common.settings import Limits
from ..common.types import Size
from ..common.validation import boolean, integer, invalid_value, known_fields, mapping, text
from ..images.encode import EncodeOptions, encode
from ..images.input_image import ImageFile
from ..layers.composite import Colour, composite
from ..layers.document import Document, Layer
from ..layers.document_file import read_colour
from ..layers.placement import Placement, place, read_placement
from ..sources.files import read_file
from .stage_pictures import RUN_PICTURES, RUN_PREFIX, SmallPicture, scaled_box, small_size

MOST_SIDE = 1024
_CACHE_BYTES = 64_000_000
_LONGEST_NAME = 1000
_FILE = EncodeOptions(format="webp", quality=85)
_EXACT = EncodeOptions(format="webp", lossless=True)

FindFile = Callable[[str], Path | None]
"""The file that a name of ComfyUI's input folder means, or None."""


class StageLayer(NamedTuple):
    """A layer as the page sends it; `opaque` leaves a file's transparency out."""

    name: str
    placement: Placement
    opaque: bool


@dataclass(frozen=True)
class StageDocument:
    """What is on a stage: a canvas in pixels and its layers from the bottom."""

    canvas: Size
    side: int
    background: Colour | None
    layers: tuple[StageLayer, ...]
    lossless: bool


def read_document(fields: object, limits: Limits) -> StageDocument:
    """Check what a page sends.

    Raises:
        InvalidRequest: a field is missing, unknown, of the wrong type or out of its range.
    """
    given = known_fields(fields, "", ("canvas", "side", "background", "layers", "lossless"))
    canvas, layers = given.get("canvas"), given.get("layers")
    if not isinstance(canvas, list) or len(canvas) != 2:
        raise invalid_value("canvas", canvas, "[width, height] in pixels")
    if not isinstance(layers, list) or not 1 <= len(layers) <= limits.max_layers:
        raise invalid_value("layers", layers, f"a list of 1 to {limits.max_layers} layers")
    width, height = (integer(side, "canvas", low=1, high=limits.max_side) for side in canvas)
    background = given.get("background")
    return StageDocument(
        canvas=(width, height),
        side=integer(given.get("side", 768), "side", low=1, high=MOST_SIDE),
        background=None if background is None else read_colour(background, "background"),
        layers=tuple(_layer(layer, f"layers.{number}") for number, layer in enumerate(layers, start=1)),
        lossless=boolean(given.get("lossless", False), "lossless"),
    )


def _layer(value: object, path: str) -> StageLayer:
    given = dict(known_fields(value, path, ("name", "placement", "opaque")))
    return StageLayer(
        text(given.get("name"), f"{path}.name", longest=_LONGEST_NAME),
        read_placement(mapping(given.get("placement", {}), path), f"{path}.placement"),
        boolean(given.get("opaque", False), f"{path}.opaque"),
    )


class StagePreview:
    """Pictures and composites for stages; its cache is the only thing it keeps.

    Args:
        find_file: see `FindFile`.
        limits: bound the files that are read.
    """

    def __init__(self, find_file: FindFile, limits: Limits) -> None:
        self._find_file = find_file
        self._limits = limits
        self._pictures: LRUCache[SmallPicture] = LRUCache(_CACHE_BYTES, lambda each: each.pixels.numel())

    def picture(self, name: str, opaque: bool) -> tuple[bytes, Size]:
        """A file as a small WebP, without its transparency if `opaque`, and its own (width, height).

        Raises:
            InvalidImage: there is no such image.
        """
        small = self._picture(name)
        pixels = small.pixels[..., :3] if opaque else small.pixels
        return encode(pixels / 255, _FILE).data, small.size

    def compose(self, document: StageDocument) -> bytes:
        """Composite a document's layers to a WebP with at most `side` pixels a side.

        Raises:
            InvalidImage: a file is not there, or not an image.
            InvalidRequest: a layer would be larger than the limits.
        """
        factor = min(1.0, document.side / max(document.canvas))
        width, height = (max(1, round(side * factor)) for side in document.canvas)
        layers = (
            self._placed(layer, document.canvas, factor)
            for layer in document.layers
            if layer.placement.visible
        )
        shown = Document(width, height, tuple(layers))
        image = composite(shown, document.background) if shown.layers else torch.zeros(1, height, width, 4)
        return encode(image[0], _EXACT if document.lossless else _FILE).data

    def _placed(self, layer: StageLayer, canvas: Size, factor: float) -> Layer:
        """A layer, placed at full size as a run places it, and then scaled with the canvas."""
        picture, placement = self._picture(layer.name), layer.placement
        box = place(placement, picture.size, canvas)
        small = scaled_box(box, factor)
        if small.width * small.height > self._limits.max_canvas_pixels:
            raise InvalidRequest(
                f"{layer.name} would be {box.width}x{box.height} pixels. Use a smaller scale."
            )
        pixels = picture.pixels[..., :3] if layer.opaque else picture.pixels
        return Layer(
            image=pixels[None] / 255,
            box=small,
            opacity=placement.opacity,
            blend_mode=placement.blend_mode,
            flip_h=placement.flip_h,
            flip_v=placement.flip_v,
            rotation=math.radians(placement.rotation),
            seamless=placement.seamless,
        )

    def _picture(self, name: str) -> SmallPicture:
        if name.startswith(RUN_PREFIX):
            return RUN_PICTURES.find(name)
        path = self._find_file(name)
        if path is None:
            raise InvalidImage(f"{name} is not in the input folder. Choose another file.")
        status = path.stat()
        return self._pictures.get((path, status.st_mtime_ns, status.st_size), partial(self._load, path))

    def _load(self, path: Path) -> SmallPicture:
        file = ImageFile(read_file(path, self._limits, path.name), self._limits, path.name)
        pixels = (file.image(small_size(file.size))[0] * 255).round().to(torch.uint8)
        return SmallPicture(pixels, file.size)
