"""The widgets of an edit inside a mask, below `model` of Multi-Edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from comfy_api.latest import io

from ..pipelines.planning.mask_options import (
    LARGEST_CONTEXT,
    LARGEST_EDGE,
    MASK_FILLS,
    MASK_READERS,
    MaskOptions,
)

# What the plan decides: these numbers are no lengths and no factors.
_PLANS = {"mask_feather": -1, "mask_context": 0.0}


def mask_inputs() -> list[io.Input]:
    return [
        _pixels("mask_grow", 0, "Grow the mask by so many pixels of the result, corners included."),
        _pixels(
            "mask_feather",
            -1,
            "Over how many pixels the edit fades in, inwards from the mask's edge; outside nothing changes. "
            "-1 is 4 at a megapixel, 0 is a hard edge.",
        ),
        _pixels(
            "mask_pull_in",
            0,
            "How many pixels inside the mask's edge the edit begins, for models that spoil what is beside.",
        ),
        io.Float.Input(
            "mask_context",
            optional=True,
            default=0.0,
            min=0.0,
            max=LARGEST_CONTEXT,
            step=0.05,
            advanced=True,
            tooltip="With crop_and_stitch: how much the model sees, as a multiple of the mask's box, from 1. "
            "0 is 1.5, and no less than what is sampled anyway.",
        ),
        io.Combo.Input(
            "mask_fill",
            optional=True,
            options=list(MASK_FILLS),
            advanced=True,
            tooltip="What the model sees of image_1 inside the mask: keep (what is there), blur (its colours "
            "only), neutral (grey), green (for LoRAs of FLUX.2 klein that fill green).",
        ),
        _switch(
            "mask_color_match",
            "Correct the colours of the edit by how they differ from image_1's outside the mask, where that "
            "is clear; the summary says by how much.",
        ),
        _switch(
            "mask_align",
            "Move the edit back by whole and half pixels where what the model made lies shifted outside the "
            "mask and that is clear; the summary says by how much.",
        ),
    ]


def read_mask_options(widgets: Mapping[str, Any]) -> MaskOptions:
    """Read the options from the widgets; one that is not sent comes as None, or not at all.

    Raises:
        InvalidRequest: a value is out of its range.
    """
    given = {
        name: value for name in MASK_READERS if (value := widgets.get(name)) not in (None, _PLANS.get(name))
    }
    return MaskOptions.from_fields({name: MASK_READERS[name](value, name) for name, value in given.items()})


def _pixels(name: str, default: int, tooltip: str) -> io.Input:
    return io.Int.Input(
        name, optional=True, default=default, min=min(0, default), max=LARGEST_EDGE, advanced=True,
        tooltip=tooltip,
    )  # fmt: skip


def _switch(name: str, tooltip: str) -> io.Input:
    return io.Boolean.Input(name, optional=True, default=True, advanced=True, tooltip=tooltip)
