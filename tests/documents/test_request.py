"""docs/request.md against the code: every field, and the table values that are easy to let drift."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import RequestLimits
from multiedit.pipelines.layers.extension import FILLS, Extend
from multiedit.pipelines.layers.placement import ANCHORS, FITS, Placement
from multiedit.pipelines.planning.mask_options import MASK_FILLS
from multiedit.pipelines.planning.model_options import option_readers
from multiedit.pipelines.planning.request import (
    LARGEST_SEED,
    OUTPUT_FORMATS,
    QUALITIES,
    ROLES,
    EditRequest,
    extras_readers,
)
from multiedit.pipelines.planning.size import resolve_size

TEXT = (Path(__file__).parents[2] / "docs" / "request.md").read_text("utf-8")
FIRST_CELLS = re.findall(r"^\| (`[^|]+`) \|", TEXT, re.MULTILINE)
NAMES = {name for cell in FIRST_CELLS for name in re.findall(r"`([^`]+)`", cell)}


def test_every_field_has_a_row_and_no_row_is_of_another() -> None:
    others = {"model_id", "size"}  # modelId's name here, and what OpenAI's route alone has
    request = {field.name for field in dataclasses.fields(EditRequest)} - others | {"modelId"}
    flat = (*extras_readers(1), *option_readers(RequestLimits()), "images")
    extras = {f"multiedit.{name}" for name in flat}
    placement = {field.name for field in dataclasses.fields(Placement)}
    extend = {field.name for field in dataclasses.fields(Extend)}
    assert request | extras | placement | extend == NAMES


WORDS = [*ROLES, *MASK_FILLS, *FITS, *ANCHORS, *OUTPUT_FORMATS, *QUALITIES, *FILLS]


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_a_list_is_named(word: str) -> None:
    assert f"`{word}`" in TEXT


def test_numbers_are_the_codes() -> None:
    limits = RequestLimits()
    largest = (limits.max_prompt_characters, limits.max_pixels, limits.min_pixels, LARGEST_SEED)
    assert all(str(number) in TEXT for number in largest)
    assert f"1 to {limits.max_images} images" in TEXT
    wide = resolve_size(load_catalog().get("layer-composite"), "16:9", "1K")
    assert f"{wide.width} x {wide.height}" in TEXT
