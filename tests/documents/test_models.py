"""docs/models.md against the profiles."""

from __future__ import annotations

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import USABLE_SHARE
from multiedit.tests.support.model_tables import PAGE, TABLES, marked

TEXT = PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_profiles(name: str) -> None:
    assert marked(TEXT, name) == TABLES[name](), "write it by tests/support/model_tables.py"


def test_every_comfyui_version_is_told() -> None:
    assert [each.id for each in load_profiles() if f"ComfyUI {each.minimum_comfyui}" not in TEXT] == []


def test_the_share_of_the_memory_is_the_codes() -> None:
    assert f"{USABLE_SHARE:.0%}".replace("%", " %") in TEXT
