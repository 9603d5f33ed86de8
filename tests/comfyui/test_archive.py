"""An installation from the registry: what is in the archive, and that ComfyUI needs no more."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from multiedit.tests.support.archive import PACK, archived_files, unpack_archive
from multiedit.tests.support.comfyui import Installation, Server

LARGEST = 24_000_000  # bytes; 16 of them are the classifiers
# What only those need who work on the pack.
LEFT_OUT = {".ci", ".github", "bench", "scripts", "tests", "Makefile", "CONTRIBUTING.md"}
FOLDERS = ("nodes", "pipelines", "api", "cli", "web", "locales", "workflows", "subgraphs")


@pytest.fixture(scope="module")
def fresh_server(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """ComfyUI with the unpacked archive and nothing else, as on the first day."""
    archive = tmp_path_factory.mktemp("archive") / "multi-edit"
    unpack_archive(archive)
    with Server(installation, tmp_path_factory.mktemp("comfyui-fresh"), {"multi-edit": archive}) as server:
        yield server


def test_the_archive_has_all_that_runs_and_nothing_else() -> None:
    files = archived_files()
    assert {name.partition("/")[0] for name in files} & LEFT_OUT == set()
    assert {"__init__.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE", "NOTICE"} <= files
    for folder in FOLDERS:
        there = {
            path.relative_to(PACK).as_posix()
            for path in (PACK / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert there - files == set()
    assert sum((PACK / name).stat().st_size for name in files) < LARGEST


def test_every_picture_of_the_readme_is_in_the_archive() -> None:
    files = archived_files()
    pictures = re.findall(r"!\[[^\]]*\]\(([^):]+)\)", (PACK / "README.md").read_text())
    assert pictures
    assert set(pictures) <= files


def prompt(name: str) -> dict[str, Any]:
    return json.loads((PACK / "workflows" / "api" / f"{name}.json").read_text())


@pytest.mark.parametrize(("name", "saver"), [("compose", "4"), ("safe-mode", "5")])
def test_a_template_runs_on_the_first_day(fresh_server: Server, name: str, saver: str) -> None:
    """The start of a ComfyUI of its own takes 10 seconds and more, and so do the classifiers."""
    run = fresh_server.run(prompt(name))
    assert "execution_success" in run.events, run.error
    assert len(fresh_server.view(run.files(saver)[0])) > 10_000
    assert fresh_server.warnings() == []


def test_help_and_languages_are_served(fresh_server: Server) -> None:
    for page in ("MultiEditEdit.md", "MultiEditEdit/fr.md", "images/MultiEditEdit.jpg"):
        assert fresh_server.status(f"/extensions/multi-edit/docs/{page}") == 200, page
    assert "MultiEditEdit" in fresh_server.json("/i18n")["fr"]["nodeDefs"]


def test_the_command_line_runs_from_the_folder(
    fresh_server: Server, installation: Installation, tmp_path: Path
) -> None:
    command = [installation.python, fresh_server.base / "custom_nodes" / "multi-edit", "models"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "layer-composite" in shown
