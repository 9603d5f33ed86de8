"""The model families by name; one file each has all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping

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
