"""The model families by name; one file each has all that is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from . import flux2, flux3, mage_flow, qwen_edit, qwen_image_21
from .family import Family

FAMILIES: Mapping[str, Family] = {
    "qwen-edit": qwen_edit.FAMILY,
    "flux2": flux2.FAMILY,
    "mage-flow": mage_flow.FAMILY,
    "qwen-image-21": qwen_image_21.FAMILY,
    "flux3": flux3.FAMILY,
}
