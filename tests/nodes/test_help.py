"""The help pages: one for each node and language, with all that the node has, and pictures that are there.

What a node has is read from the locales, which test_locales.py pins to the schema. ComfyUI looks for
`docs/NODE/LANGUAGE.md` first, then for `docs/NODE.md`, which is in English.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from multiedit.scripts.help_tables import filled

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "web" / "docs"
LOCALES: dict[str, dict[str, Any]] = {
    path.parent.name: json.loads(path.read_text(encoding="utf-8"))
    for path in (ROOT / "locales").glob("*/nodeDefs.json")
}
LOCALE = LOCALES["en"]
PAGES = [pytest.param(node, (DOCS / f"{node}.md"), id=node) for node in LOCALE]
TRANSLATED = sorted(set(LOCALES) - {"en"})
TRANSLATIONS = [
    pytest.param(node, language, id=f"{node}-{language}") for node in LOCALE for language in TRANSLATED
]

SECTIONS = ["## Inputs", "## Outputs", "## Rules", "## When it stops with an error"]
LARGEST_PICTURE = 40_000  # bytes
LONGEST_PAGE = 100  # lines


def pictures(text: str) -> list[str]:
    return re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)


def messages(page: str) -> list[str]:
    """What stands in quotation marks in the first column of the last table."""
    rows = re.findall(r"^\| (.*?) \| ", page.rpartition("\n## ")[2], re.MULTILINE)
    return re.findall(r"`([^`]+)`", " ".join(rows))


def registered() -> list[str]:
    """The ids that a user meets, in the registry's literal, without ComfyUI."""
    tree = ast.parse((ROOT / "nodes" / "registry.py").read_text(encoding="utf-8"))
    literals = [node for node in tree.body if isinstance(node, ast.AnnAssign)]
    [mapping] = [node.value for node in literals if ast.unparse(node.target) == "NODE_CLASS_MAPPINGS"]
    assert isinstance(mapping, ast.Dict)
    return [ast.literal_eval(key) for key in mapping.keys if key]


def named(node: dict[str, Any]) -> set[str]:
    """Every name of an input or output that a user sees; of further numbered ones none."""
    entries = [*node["inputs"].values(), *node["outputs"].values()]
    return {entry["name"] for entry in entries if not re.search(r"\D[2-9](\D|$)", entry["name"])}


def test_every_registered_node_has_a_page_and_no_page_is_left_over() -> None:
    assert sorted(registered()) == sorted(LOCALE)
    assert sorted(page.stem for page in DOCS.glob("*.md")) == sorted(LOCALE)


@pytest.mark.parametrize(("node", "page"), PAGES)
def test_the_page_tells_every_input_and_output(node: str, page: Path) -> None:
    told = set(re.findall(r"`([^`]+)`", page.read_text(encoding="utf-8")))
    assert named(LOCALE[node]) - told == set()


@pytest.mark.parametrize(("node", "page"), PAGES)
def test_the_page_has_its_title_its_sections_and_a_length_that_is_read(node: str, page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {LOCALE[node]['display_name']}"
    assert [line for line in lines if line in SECTIONS] == SECTIONS
    assert len(lines) <= LONGEST_PAGE


@pytest.mark.parametrize(("node", "page"), PAGES)
def test_the_page_has_a_picture_and_every_picture_is_there(node: str, page: Path) -> None:
    found = pictures(page.read_text(encoding="utf-8"))
    assert found
    for picture in found:
        # The frontend resolves a relative path against /extensions/<pack>/docs/, where web/docs is served.
        assert (DOCS / picture).read_bytes()[:2] == b"\xff\xd8"
        assert (DOCS / picture).stat().st_size <= LARGEST_PICTURE


def test_every_page_is_there_in_every_language() -> None:
    found = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.glob("*/*.md"))
    assert found == sorted(f"{node}/{language}.md" for node in LOCALE for language in TRANSLATED)


@pytest.mark.parametrize(("node", "language"), TRANSLATIONS)
def test_a_translated_page_says_what_its_locale_says(node: str, language: str) -> None:
    """The tables are made by scripts/help_tables.py."""
    page, locale = (DOCS / node / f"{language}.md").read_text(encoding="utf-8"), LOCALES[language][node]
    assert page.startswith(f"# {locale['display_name']}\n\n{locale['description']}\n")
    assert filled(page, locale) == page
    assert named(locale) - set(re.findall(r"`([^`]+)`", page)) == set()


@pytest.mark.parametrize(("node", "language"), TRANSLATIONS)
def test_a_translated_page_has_the_parts_and_the_pictures_of_the_english_one(
    node: str, language: str
) -> None:
    english, page = (
        (DOCS / name).read_text(encoding="utf-8") for name in (f"{node}.md", f"{node}/{language}.md")
    )
    assert len(re.findall("^## ", page, re.MULTILINE)) == len(SECTIONS)
    assert pictures(page) == pictures(english)
    assert len(page.splitlines()) <= LONGEST_PAGE


@pytest.mark.parametrize(("node", "language"), TRANSLATIONS)
def test_a_translated_page_quotes_messages_that_the_english_one_has(node: str, language: str) -> None:
    english, page = (
        (DOCS / name).read_text(encoding="utf-8") for name in (f"{node}.md", f"{node}/{language}.md")
    )
    told = " ".join(messages(english))
    assert len(messages(page)) >= 3
    assert [message for message in messages(page) if message not in told] == []


def test_no_picture_is_left_over() -> None:
    shown = {picture for page in DOCS.glob("*.md") for picture in pictures(page.read_text(encoding="utf-8"))}
    assert {f"images/{path.name}" for path in (DOCS / "images").iterdir()} == shown
