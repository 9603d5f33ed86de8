"""Load the pack the way ComfyUI does: by its path, under one name, never through sys.path.

With the repository root on sys.path our `nodes/` would shadow ComfyUI's `nodes.py`.

`COMFYUI_PATH` names a ComfyUI folder where the Python that runs pytest has its requirements: tests/nodes
runs only there. tests/comfyui/test_in_process.py starts that run by itself.

Property tests try the same examples in every run; `MULTIEDIT_EXPLORE=1` has them look for new ones.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
NAME = "multiedit"

sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]

hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("default" if os.environ.get("MULTIEDIT_EXPLORE") else "repeatable")

# Small pictures, and other programs beside us: splitting an operation over threads costs more than it gains.
os.environ.setdefault("OMP_NUM_THREADS", "1")

COMFYUI = os.environ.get("COMFYUI_PATH")
collect_ignore = [] if COMFYUI else ["nodes"]
if COMFYUI:
    sys.path.insert(0, COMFYUI)
    from comfy.cli_args import args

    args.cpu = True  # before anything looks for a GPU

if NAME not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)

from multiedit.tests.support.comfyui import Installation  # noqa: E402


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on a ComfyUI; a test that starts others says itself for how many it stands."""
    for item in items:
        if "installation" in getattr(item, "fixturenames", ()):
            item.add_marker("comfyui")
        if item.get_closest_marker("comfyui"):
            item.user_properties.append(("comfyui", 1))


def pytest_collection_finish() -> None:
    """Keep the collector from passing over a million objects that stay, half a second each time."""
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on ComfyUI, and why not the others."""
    ran, reasons = 0, Counter[str]()
    for kind in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(kind, []):
            # A module that is skipped as a whole has a report of its collection, without properties.
            count = dict(getattr(report, "user_properties", ())).get("comfyui", 0)
            if report.skipped and count:
                reasons[report.longrepr[2].removeprefix("Skipped: ")] += count
            elif report.when == "call":
                ran += count
    if ran:
        terminalreporter.write_line(f"ComfyUI tests: {ran} ran on {Installation.find().version}")
    for reason, count in reasons.items():
        terminalreporter.write_line(f"ComfyUI tests: {count} skipped: {reason}")
