"""JSON schemas made from the readers that check a request and from the types of responses.

So the schema always agrees with the code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from ...pipelines.common.settings import Limits
from ...pipelines.common.validation import boolean, choice, integer, number, text
from ...pipelines.layers.extension import (
    COLOUR_PATTERN,
    EXTEND_READERS,
    FILLS,
    LARGEST_SIDE,
    PERCENT_PATTERN,
    RATIO_PATTERN,
    read_amount,
    read_extend,
    read_fill,
    read_ratio,
)
from ...pipelines.layers.placement import PLACEMENT_READERS, read_placement
from ...pipelines.planning.model_options import LORA_READERS, read_loras
from ...pipelines.planning.request import (
    LONGEST_ID,
    OUTPUT_FORMATS,
    read_by_image,
    read_format,
    read_images,
    read_model_id,
    read_more_images,
)

Schema = dict[str, Any]
IMAGE_FILE: Schema = {"type": "string", "format": "binary"}
IMAGE_TEXT: Schema = {"type": "string", "description": "base64, a data URL, or an http or https URL"}
_PLAIN: dict[type, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    NoneType: {"type": "null"},
}


def of_reader(reader: Callable[..., Any]) -> Schema:
    """Return the schema of what a reader accepts; a `partial` carries its bounds."""
    bounds = dict(reader.keywords) if isinstance(reader, partial) else {}
    function = reader.func if isinstance(reader, partial) else reader
    return _READERS[function](**bounds)


def of_readers(readers: Mapping[str, Callable[..., Any]], required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object with these fields and no others."""
    properties = {name: of_reader(reader) for name, reader in readers.items()}
    needed: Schema = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


def _by_image(images: int, read: Callable[..., Any]) -> Schema:
    numbers = [str(number) for number in range(1, images + 1)]
    return {
        "type": "object",
        "properties": {name: of_reader(read) for name in numbers},
        "additionalProperties": False,
    }


def image_array(item: Schema, limits: Limits) -> Schema:
    """Return the schema of a request's images, each of which is an `item`."""
    return {"type": "array", "items": item, "minItems": 1, "maxItems": limits.max_images}


_READERS: dict[Callable[..., Any], Callable[..., Schema]] = {
    text: lambda longest, setting="": {"type": "string", "minLength": 1, "maxLength": longest},
    choice: lambda options: {"type": "string", "enum": list(options)},
    integer: lambda low, high, setting="": {"type": "integer", "minimum": low, "maximum": high},
    number: lambda low, high: {"type": "number", "minimum": low, "maximum": high},
    boolean: lambda: {"type": "boolean"},
    read_format: lambda: {"type": "string", "enum": list(OUTPUT_FORMATS)},
    read_model_id: lambda: {"type": "string", "maxLength": LONGEST_ID},
    read_images: partial(image_array, IMAGE_TEXT),
    read_by_image: _by_image,
    read_placement: lambda: of_readers(PLACEMENT_READERS),
    read_more_images: lambda images, limits: {
        **image_array(IMAGE_TEXT, limits),
        "maxItems": limits.max_all_images - images,
    },
    read_loras: lambda most: {
        "type": "array",
        "items": of_readers(LORA_READERS, required=("name",)),
        "minItems": 1,
        "maxItems": most,
    },
    read_amount: lambda: {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": LARGEST_SIDE},
            {"type": "string", "pattern": f"^{PERCENT_PATTERN}$"},
        ]
    },
    read_ratio: lambda: {"type": "string", "pattern": f"^{RATIO_PATTERN}$"},
    read_fill: lambda: {"type": "string", "pattern": f"^({'|'.join(FILLS)}|{COLOUR_PATTERN})$"},
    read_extend: lambda: of_readers(EXTEND_READERS),
}


class Components:
    """The schemas of types, each once, by name."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def of_type(self, kind: Any) -> Schema:
        """Return the schema of a type; a TypedDict becomes a component and a reference to it."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        if kind is Any:
            return {}
        if is_typeddict(kind):
            return self._reference(kind)
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin is list:
            return {"type": "array", "items": self.of_type(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of_type(arguments[1])}
        if origin in (Union, UnionType):
            return {"anyOf": [self.of_type(argument) for argument in arguments]}
        raise TypeError(f"{kind} has no JSON schema")

    def _reference(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.schemas:
            self.schemas[name] = {}  # a type may hold itself
            fields = get_type_hints(kind)
            self.schemas[name] = {
                "type": "object",
                "description": " ".join((kind.__doc__ or "").split()),
                "properties": {field: self.of_type(hint) for field, hint in fields.items()},
                "required": sorted(kind.__required_keys__),
            }
        return {"$ref": f"#/components/schemas/{name}"}
