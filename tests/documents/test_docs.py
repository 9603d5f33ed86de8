"""Every `multiedit` line in a sh block of README.md and docs/ runs, in a folder that holds samples/."""

from __future__ import annotations

import dataclasses
import re
import shlex
import shutil
from pathlib import Path

import pytest
from multiedit.cli.main import main
from multiedit.pipelines.common import errors
from multiedit.pipelines.planning.plan import EditPlan
from multiedit.pipelines.planning.size import ResolvedSize
from multiedit.pipelines.safety.report import SafetyReport

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("README.md"), *ROOT.glob("docs/**/*.md")])
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _commands() -> list[str]:
    blocks = (block for page in PAGES for block in BLOCK.findall(page.read_text("utf-8")))
    lines = (line for block in blocks for line in block.splitlines())
    return list(dict.fromkeys(line for line in lines if line.startswith("multiedit ")))


def test_there_are_examples() -> None:
    assert len(_commands()) >= 5


@pytest.mark.parametrize("command", _commands(), ids=lambda command: command[-50:])
def test_an_example_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0


def test_the_exit_codes_and_json_keys_are_the_codes() -> None:
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    codes = {kind.exit_code for kind in errors.ERROR_CLASSES.values()}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)} == codes | {0, 130}
    told = [*_fields(EditPlan), *_fields(SafetyReport), *_fields(ResolvedSize)]
    assert [name for name in told if f"`{name}`" not in page] == []


def _fields(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]
