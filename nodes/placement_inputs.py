"""The placement widgets, the same on every node that places a layer."""

from __future__ import annotations

from typing import TypedDict

from comfy_api.latest import io

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.json_reader import read_json
from ..pipelines.common.validation import choice, integer, mapping
from ..pipelines.layers.modes import BLEND_MODES
from ..pipelines.layers.placement import ANCHORS, FITS, Anchor, Placement, PlacementFit, read_placement
from ..pipelines.planning.request import Role

_PER_IMAGE = "per_image"
_MOST_IMAGES = 99
_ROLES: dict[str, Role] = {"overlay": "overlay", "reference": "reference"}


class PlacementWidgets(TypedDict, total=False):
    """The values of `placement_inputs`; those that a graph leaves out have the defaults of `Placement`."""

    blend_mode: str
    opacity: float
    fit: PlacementFit
    anchor: Anchor
    offset_x: float
    offset_y: float
    scale: float
    rotation: float
    flip_h: bool
    flip_v: bool
    seamless: bool


def placement_inputs(*, advanced: bool = False) -> list[io.Input]:
    """Make a widget for each field of a placement, with the limits of `read_placement`."""
    return [
        io.Combo.Input(
            "blend_mode",
            options=list(BLEND_MODES),
            default="normal",
            optional=True,
            advanced=advanced,
            tooltip="How the overlay is blended with what is under it: core's 26 blend modes. All but normal "
            "show only where something is under it.",
        ),
        io.Float.Input(
            "opacity",
            default=1.0,
            min=0.0,
            max=1.0,
            step=0.01,
            optional=True,
            advanced=advanced,
            tooltip="0 is invisible, 1 is opaque.",
        ),
        *_geometry(advanced),
        io.Float.Input(
            "rotation",
            default=0.0,
            min=-360.0,
            max=360.0,
            step=1.0,
            round=0.01,
            optional=True,
            advanced=advanced,
            tooltip="Degrees, clockwise, about the overlay's centre.",
        ),
        io.Boolean.Input(
            "flip_h",
            default=False,
            optional=True,
            advanced=advanced,
            tooltip="Mirror the overlay left to right.",
        ),
        io.Boolean.Input(
            "flip_v",
            default=False,
            optional=True,
            advanced=advanced,
            tooltip="Mirror the overlay top to bottom.",
        ),
        io.Boolean.Input(
            "seamless",
            default=False,
            optional=True,
            advanced=advanced,
            tooltip="Blend the overlay in so that it keeps its detail and takes on the light around it. "
            "For objects with some of their own surroundings.",
        ),
    ]


def _geometry(advanced: bool) -> list[io.Input]:
    return [
        io.Combo.Input(
            "fit",
            options=list(FITS),
            default="contain",
            optional=True,
            advanced=advanced,
            tooltip="The overlay's size on the canvas: contain (all of it inside), cover (all of the canvas "
            "covered), stretch (to the canvas, ratio ignored), none (its own pixels).",
        ),
        io.Combo.Input(
            "anchor",
            options=list(ANCHORS),
            default="center",
            optional=True,
            advanced=advanced,
            tooltip="The point of the canvas that the overlay is aligned to.",
        ),
        _percent("offset_x", "right", "width", advanced),
        _percent("offset_y", "down", "height", advanced),
        io.Float.Input(
            "scale",
            default=1.0,
            min=0.001,
            max=100.0,
            step=0.01,
            round=0.001,
            optional=True,
            advanced=advanced,
            tooltip="Factor on the fitted size: 0.5 is half as wide and half as high.",
        ),
    ]


def _percent(name: str, towards: str, side: str, advanced: bool) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=0.0,
        min=-1000.0,
        max=1000.0,
        step=1.0,
        round=0.01,
        optional=True,
        advanced=advanced,
        tooltip=f"Shift from the anchor in percent of the canvas {side}; {towards} is positive.",
    )


def per_image_input() -> io.Input:
    """Make the input for the roles and placements of single images, which the shared widgets cannot give."""
    return io.String.Input(
        "per_image",
        default="",
        multiline=True,
        optional=True,
        advanced=True,
        placeholder='{"2": {"role": "overlay", "scale": 0.5}}',
        tooltip="Roles and placements of single images, as JSON by image number; the widgets hold for the "
        "others. role is overlay or reference: an overlay is composited onto the base before a loaded model "
        "edits it. Empty: the model's default roles.",
    )


def read_per_image(text: str) -> tuple[dict[int, Role], dict[int, Placement]]:
    """Read the roles and placements of single images, by number.

    Raises:
        InvalidRequest: not a JSON object with image numbers from 2, or an unknown role or placement.
    """
    if not text.strip():
        return {}, {}
    try:
        entries = mapping(read_json(text), _PER_IMAGE)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"per_image is not valid JSON ({error}). Correct it, or leave it empty."
        ) from error
    roles: dict[int, Role] = {}
    placements: dict[int, Placement] = {}
    for key, entry in entries.items():
        number = integer(int(key) if key.isdecimal() else key, _PER_IMAGE, low=2, high=_MOST_IMAGES)
        given = dict(mapping(entry, f"{_PER_IMAGE}.{number}"))
        role = given.pop("role", "overlay" if given else None)
        if role is not None:
            roles[number] = _ROLES[choice(role, f"{_PER_IMAGE}.{number}.role", options=_ROLES)]
        if given:
            placements[number] = read_placement(given, f"{_PER_IMAGE}.{number}")
    return roles, placements
