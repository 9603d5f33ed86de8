"""The placement widgets, the same on every node that places a layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.json_reader import read_json
from ..pipelines.common.validation import choice, integer, mapping
from ..pipelines.layers.modes import BLEND_MODES
from ..pipelines.layers.placement import (
    ANCHORS,
    FARTHEST_OFFSET,
    FITS,
    PLACEMENT_FIELDS,
    UNITS,
    Placement,
    read_placement,
)
from ..pipelines.planning.request import Role

_PER_IMAGE = "per_image"
_MOST_IMAGES = 99
_ROLES: dict[str, Role] = {"overlay": "overlay", "reference": "reference"}


def placement_of(values: Mapping[str, Any]) -> Placement:
    """The placement that widgets give; those that a graph leaves out have the defaults of `Placement`."""
    return Placement(**{name: values[name] for name in PLACEMENT_FIELDS if name in values})


def placement_inputs(*, advanced: bool = False) -> list[io.Input]:
    """Make a widget for each field of a placement, with the limits of `read_placement`.

    Args:
        advanced: fold them away, except `scale`: Nodes 2.0 shows no advanced one on a blueprint.
    """
    more = {"optional": True, "advanced": advanced}
    return [
        io.Combo.Input(
            "blend_mode",
            options=list(BLEND_MODES),
            default="normal",
            tooltip="How the overlay is blended with what is under it: core's 26 blend modes. All but normal "
            "show only where something is under it.",
            **more,
        ),
        _number("opacity", 1.0, (0.0, 1.0), "0 is invisible, 1 is opaque.", **more),
        io.Combo.Input(
            "fit",
            options=list(FITS),
            default="contain",
            tooltip="The overlay's size on the canvas: contain (all of it inside), cover (all of the canvas "
            "covered), stretch (to the canvas, ratio ignored), none (its own pixels).",
            **more,
        ),
        io.Combo.Input(
            "anchor",
            options=list(ANCHORS),
            default="center",
            tooltip="The point of the canvas that the overlay is aligned to.",
            **more,
        ),
        *_geometry(more),
        io.Boolean.Input("flip_h", default=False, tooltip="Mirror the overlay left to right.", **more),
        io.Boolean.Input("flip_v", default=False, tooltip="Mirror the overlay top to bottom.", **more),
        io.Boolean.Input(
            "seamless",
            default=False,
            tooltip="Blend the overlay in so that it keeps its detail and takes on the light around it. "
            "For objects with some of their own surroundings.",
            **more,
        ),
    ]


def _geometry(more: dict[str, Any]) -> list[io.Input]:
    shift = "Shift from the anchor in percent of the canvas {}, or in pixels (unit); {} is positive."
    ends = (-FARTHEST_OFFSET, FARTHEST_OFFSET)
    factor = "Factor on the fitted size: 0.5 is half as wide and half as high."
    turn = "Degrees, clockwise, about the overlay's centre."
    return [
        _number("offset_x", 0.0, ends, shift.format("width", "right"), **more),
        _number("offset_y", 0.0, ends, shift.format("height", "down"), **more),
        io.Combo.Input(
            "unit",
            options=list(UNITS),
            default="percent",
            tooltip="What offset_x and offset_y count: percent of the canvas, which fits a canvas of any "
            "size, or pixels of it.",
            **more,
        ),
        _number("scale", 1.0, (0.001, 100.0), factor, step=0.001, **{**more, "advanced": False}),
        _number("rotation", 0.0, (-360.0, 360.0), turn, **more),
    ]


def _number(
    name: str, default: float, ends: tuple[float, float], tooltip: str, step: float = 0.01, **more: Any
) -> io.Float.Input:
    low, high = ends
    return io.Float.Input(name, default=default, min=low, max=high, step=step, tooltip=tooltip, **more)


def per_image_input(*, roles: bool) -> io.Input:
    """Make the input for what differs for single images, with their roles or without."""
    role = (
        " role is overlay or reference: an overlay is composited onto the base before a loaded model edits "
        "it. Empty: the model's default roles."
    )
    return io.String.Input(
        "per_image",
        default="",
        multiline=True,
        optional=True,
        advanced=True,
        placeholder='{"2": {"role": "overlay", "scale": 0.5}}' if roles else '{"2": {"scale": 0.5, "z": 1}}',
        tooltip="What differs for single images, as JSON by image number: the fields of the placement, z "
        "(higher lies further up) and visible; the widgets hold for what is not named."
        + (role if roles else ""),
    )


def require_sockets(numbers: Iterable[int], sockets: Mapping[str, Any]) -> None:
    """Refuse entries of `per_image` for a socket without a connection, which would be for another image."""
    for number in sorted(numbers):
        if f"image_{number}" not in sockets:
            raise InvalidRequest(
                f"per_image has an entry for image {number}, but image_{number} is not connected. "
                "Connect it, or remove the entry.",
                field="per_image",
            )


def read_placements(text: str, shared: Placement) -> dict[int, Placement]:
    """Read the placements of single images, by number from 1; what an entry leaves out is as in `shared`.

    Raises:
        InvalidRequest: not a JSON object with image numbers, or an unknown placement.
    """
    return {
        number: read_placement(entry, f"{_PER_IMAGE}.{number}", default=shared)
        for number, entry in _entries(text, first=1).items()
    }


def read_per_image(text: str, shared: Placement) -> tuple[dict[int, Role], dict[int, Placement]]:
    """Read the roles and placements of single images, by number; what an entry leaves out is as in `shared`.

    Raises:
        InvalidRequest: not a JSON object with image numbers from 2, or an unknown role or placement.
    """
    roles: dict[int, Role] = {}
    placements: dict[int, Placement] = {}
    for number, given in _entries(text, first=2).items():
        role = given.pop("role", "overlay" if given else None)
        if role is not None:
            roles[number] = _ROLES[choice(role, f"{_PER_IMAGE}.{number}.role", options=_ROLES)]
        if given:
            placements[number] = read_placement(given, f"{_PER_IMAGE}.{number}", default=shared)
    return roles, placements


def _entries(text: str, *, first: int) -> dict[int, dict[str, object]]:
    """The objects of a `per_image` by image number, `first` or higher."""
    if not text.strip():
        return {}
    try:
        entries = mapping(read_json(text), _PER_IMAGE)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"per_image is not valid JSON ({error}). Correct it, or leave it empty."
        ) from error
    found: dict[int, dict[str, object]] = {}
    for key, entry in entries.items():
        number = integer(
            int(key) if key.isdecimal() and len(key) < 3 else key, _PER_IMAGE, low=first, high=_MOST_IMAGES
        )
        found[number] = dict(mapping(entry, f"{_PER_IMAGE}.{number}"))
    return found
