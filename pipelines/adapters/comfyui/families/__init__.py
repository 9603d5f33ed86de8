"""The model families by name; one file each has all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from ..layers_graph import FAMILY as LAYERS
from . import (
    boogu,
    flux2,
    flux3,
    flux_fill,
    flux_kontext,
    longcat,
    mage_flow,
    qwen_edit,
    qwen_edit_first,
    qwen_image_21,
)
from .family import Family

FAMILIES: Mapping[str, Family] = {
    "qwen-edit": qwen_edit.FAMILY,
    "flux2": flux2.FAMILY,
    "mage-flow": mage_flow.FAMILY,
    "qwen-image-21": qwen_image_21.FAMILY,
    "flux3": flux3.FAMILY,
    "qwen-edit-first": qwen_edit_first.FAMILY,
    "flux-kontext": flux_kontext.FAMILY,
    "flux-fill": flux_fill.FAMILY,
    "longcat": longcat.FAMILY,
    "boogu": boogu.FAMILY,
}

MODEL_CLASSES: Mapping[str, str] = {
    **{name: family.model_class for name, family in FAMILIES.items()},
    LAYERS: "QwenImage",
}
"""By family, also that of layers: the class of `comfy.model_base` by which a loaded model is known, or ""."""

SHIFTED = {name for name, family in FAMILIES.items() if family.takes_shift} | {LAYERS}
"""The families whose graph sets the profile's shift, also that of layers."""
