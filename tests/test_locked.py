"""What `make` installs: every release has hashes, and what the project asks for is among them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
LOCKED = ROOT / "scripts" / "locked"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
RUNTIME, DEVELOPMENT = PROJECT["dependencies"], PROJECT["optional-dependencies"]["dev"]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
UNLOCKED = {"torch"}  # its builds differ by index
# Without hashes: torch, ourselves, and what ComfyUI, in an environment of its own, asks for.
UNHASHED = ('"$(TORCH)"', "--no-deps --no-build-isolation --editable .", "$(MULTIEDIT_COMFYUI_PYTHON)")


def entries(name: str) -> list[tuple[str, list[str]]]:
    """(requirement, what follows it) of a locked file."""
    lines = (LOCKED / f"{name}.txt").read_text("utf-8").replace(" \\\n", " ").splitlines()
    parts = [line.partition("--hash") for line in lines if not line.startswith("#")]
    return [(wanted.strip(), (mark + rest).split()) for wanted, mark, rest in parts]


@pytest.mark.parametrize("name", ["runtime", "development"])
def test_every_locked_release_is_exact_and_has_hashes(name: str) -> None:
    found = entries(name)
    assert len(found) > 20
    for wanted, hashes in found:
        assert re.match(r"[a-z0-9-]+==\S+", wanted), wanted
        assert hashes, wanted
        assert all(HASH.fullmatch(each) for each in hashes), wanted


@pytest.mark.parametrize("wanted", [*RUNTIME, *DEVELOPMENT])
def test_what_the_project_asks_for_is_locked(wanted: str) -> None:
    """A failure says that pyproject.toml was changed: run scripts/lock.sh."""
    asked = Requirement(wanted)
    names = ["runtime"] if wanted in RUNTIME else ["runtime", "development"]
    locked = [Requirement(line) for name in names for line, _ in entries(name)]
    found = [each for each in locked if each.name == asked.name.lower().replace("_", "-")]
    if asked.name in UNLOCKED:
        assert not found
        return
    assert found
    for each in found:
        assert asked.specifier.contains(next(iter(each.specifier)).version)


def test_make_installs_nothing_else_from_the_index() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert any("--require-hashes" in line for line in installs)
    rest = [line for line in installs if "--require-hashes" not in line]
    assert [line for line in rest if not any(known in line for known in UNHASHED)] == []
