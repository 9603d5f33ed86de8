"""The workflows of GitHub Actions: valid, pinned, with few permissions, agreeing with the project's files."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

yaml = pytest.importorskip("yaml")

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PROJECT, COMFY = PYPROJECT["project"], PYPROJECT["tool"]["comfy"]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40}  # \S.*")


def load(name: str) -> Any:
    return yaml.safe_load((GITHUB / name).read_text("utf-8"))


def jobs() -> list[Any]:
    """(workflow, name, job) of every job."""
    loaded = [(path.name, load(f"workflows/{path.name}")) for path in WORKFLOWS]
    return [
        pytest.param(job, id=f"{file}-{name}") for file, flow in loaded for name, job in flow["jobs"].items()
    ]


def test_actionlint_finds_nothing() -> None:
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    program = shutil.which("actionlint", path=os.pathsep.join(folders))
    if program is None:
        pytest.skip('no actionlint in this Python (pip install -e ".[actions]")')
    found = subprocess.run(
        [program, *map(str, WORKFLOWS)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    uses = re.findall(r"uses: .*", path.read_text("utf-8"))
    assert uses
    assert [line for line in uses if not (line.startswith("uses: ./") or PINNED.fullmatch(line))] == []


def test_an_action_has_one_commit_everywhere() -> None:
    text = "".join(path.read_text("utf-8") for path in WORKFLOWS)
    pins = set(re.findall(r"uses: ([\w/-]+)@(\S+)", text))
    assert len(pins) == len({action for action, _ in pins})


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_reads_alone_and_cannot_pile_up(path: Path) -> None:
    workflow = load(f"workflows/{path.name}")
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]


@pytest.mark.parametrize("job", jobs())
def test_a_job_has_a_time_limit_and_keeps_no_credentials(job: dict[str, Any]) -> None:
    if "uses" in job:
        return  # limits and steps are those of the workflow that it calls
    assert "permissions" not in job
    assert 0 < job["timeout-minutes"] <= 90
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


def test_the_python_versions_are_those_of_the_package() -> None:
    matrix = load("workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]
    classified = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if "Python :: 3." in text]
    assert matrix["python"] == classified
    assert PROJECT["requires-python"] == f">={classified[0]}"
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "macos", "windows"}


def test_the_pinned_releases_stand_in_the_makefile_alone() -> None:
    pins = dict(re.findall(r"^(TORCH|COMFYUI_TAG) \?= (\S+)$", MAKEFILE, re.MULTILINE))
    assert pins.keys() == {"TORCH", "COMFYUI_TAG"}
    text = (GITHUB / "workflows" / "tests.yml").read_text("utf-8")
    assert "sed -n 's/^TORCH ?= //p' Makefile" in text
    assert "make comfyui" in text
    assert [pin for pin in pins.values() if pin in text] == []


def test_comfyui_is_tested_with_all_that_tests_are_skipped_without() -> None:
    steps = load("workflows/tests.yml")["jobs"]["comfyui"]["steps"]
    made = [target for step in steps for target in step.get("run", "").removeprefix("make ").split()]
    for target in ("comfyui", "comfyui-versions", "frontend", "upstream"):
        assert made.index(target) < made.index("test")


def test_a_tag_is_published_after_the_tests_and_only_by_this_repository() -> None:
    workflow = load("workflows/publish.yml")
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads "on" as a truth value
    publish = workflow["jobs"]["publish"]
    assert workflow["jobs"][publish["needs"]]["uses"] == "./.github/workflows/tests.yml"
    assert PROJECT["urls"]["Repository"].endswith(f"/{publish['if'].partition(' == ')[2].strip(chr(39))}")
    secrets = re.findall(r"secrets\.\w+", (GITHUB / "workflows" / "publish.yml").read_text("utf-8"))
    assert secrets == ["secrets.REGISTRY_ACCESS_TOKEN"]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_a_form_for_issues_is_complete(name: str) -> None:
    form = load(f"ISSUE_TEMPLATE/{name}.yml")
    assert form.keys() >= {"name", "description", "body"}
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    names = [part["id"] for part in fields]
    assert len(names) == len(set(names))
    assert all(part["attributes"]["label"] for part in fields)


@pytest.mark.parametrize(("field", "ratio", "widest"), [("Icon", 1.0, 400), ("Banner", 21 / 9, 2100)])
def test_the_registry_shows_a_picture_of_the_right_shape(field: str, ratio: float, widest: int) -> None:
    repository, _, path = COMFY[field].partition("/main/")
    assert repository == PROJECT["urls"]["Repository"].replace("github.com", "raw.githubusercontent.com")
    with Image.open(ROOT / path) as image:
        width, height = image.size
    assert width <= widest
    assert width / height == ratio
    assert (ROOT / path).with_suffix(".svg").exists()


def test_the_registry_gets_what_the_pack_needs_alone() -> None:
    ignored = (ROOT / ".comfyignore").read_text("utf-8").split()
    assert {".ci/", ".github/", "tests/", "bench/"} <= set(ignored)
