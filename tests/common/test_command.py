"""The command line as messages name it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from multiedit.pipelines.common.command import command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("site-packages/multiedit", "`multiedit safety list`"),
        ("custom_nodes/multi-edit", "`python custom_nodes/multi-edit safety list`"),
        ("custom_nodes/multi edit", "`python 'custom_nodes/multi edit' safety list`"),
    ],
)
def test_it_is_what_runs_there(folder: str, shown: str) -> None:
    assert command("safety list", Path("/somewhere", folder)).startswith(shown)


@pytest.mark.parametrize("name", ["multi-edit", "Any Name-1.2"])
def test_a_folder_of_any_name_runs(tmp_path: Path, name: str) -> None:
    pack = tmp_path / "custom_nodes" / name
    pack.parent.mkdir()
    pack.symlink_to(ROOT, target_is_directory=True)
    (tmp_path / "models").mkdir()
    words = [sys.executable, f"custom_nodes/{name}", "safety", "list", "--json"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(tmp_path / "models" / "classifiers") in ran.stdout
