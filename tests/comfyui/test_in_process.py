"""tests/nodes, in a pytest of ComfyUI's own Python."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable

import pytest
from multiedit.tests.support.comfyui import PACK, Installation

# Warnings are errors where they are ours; ComfyUI has its own.
OPTIONS = ("-q", "-p", "no:cacheprovider", "-o", "filterwarnings=error:::multiedit")


def test_the_nodes_hold_their_rules_inside_comfyui(
    installation: Installation, record_property: Callable[[str, object], None]
) -> None:
    """Run tests/nodes inside ComfyUI: half a minute, since it stands for three hundred tests."""
    if subprocess.run(
        [installation.python, "-c", "import pytest, hypothesis"], capture_output=True
    ).returncode:
        pytest.skip(f"no pytest in {installation.python}; `make comfyui` installs it")
    run = subprocess.run(
        [installation.python, "-m", "pytest", "tests/nodes", *OPTIONS],
        cwd=PACK,
        env={**os.environ, "COMFYUI_PATH": str(installation.home)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    record_property("comfyui", int(re.search(r"(\d+) passed", run.stdout)[1]))
