"""What docs/architecture.md and CONTRIBUTING.md name is there, and they forget no folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("docs/architecture.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")
# A path: text in backticks, or the target of a link, with a slash and without capitals that stand for a name.
NAMED = re.compile(
    r"`([a-z_.]+/(?:[\w./*-]*(?:/|\.\w+))?)`|\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)|(?<= )(pipelines/\S+\.py)"
)
STANDS_FOR_ONE = re.compile(r"NAME|CODE|NODE_ID")


def _named(page: str) -> list[str]:
    text = (ROOT / page).read_text("utf-8")
    found = {next(filter(None, groups)) for groups in NAMED.findall(text)}
    return sorted(path for path in found if not STANDS_FOR_ONE.search(path))


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    # Links are relative to their page, paths in the text to the root; "families/" is short for one above it.
    def found(path: str) -> bool:
        bases = (ROOT, (ROOT / page).parent, *(ROOT / "pipelines").glob("**"), ROOT / "api", ROOT / "nodes")
        return any(next(base.glob(path.rstrip("/")), None) for base in bases)

    named = _named(page)
    assert named
    assert [path for path in named if not found(path)] == []


def test_every_folder_of_the_program_has_its_place_in_the_page() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    folders = {
        path.parent for top in ("pipelines", "api", "cli", "nodes") for path in ROOT.glob(f"{top}/**/*.py")
    }
    forgotten = [str(each.relative_to(ROOT)) for each in folders if f"{each.name}/" not in text]
    assert forgotten == []


def test_both_walks_name_their_files_in_full() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    for walk in ("## One HTTP request", "## One node"):
        named = re.findall(r"`([a-z_/]+\.py)`", text.split(walk)[1].split("\n## ")[0])
        assert len(named) >= 8
        assert [name for name in named if not (ROOT / name).is_file()] == []
