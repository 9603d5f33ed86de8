"""Load the pack the way ComfyUI does: by its path, under one name, never through sys.path.

With the repository root on sys.path our `nodes/` would shadow ComfyUI's `nodes.py`.

`COMFYUI_PATH` names a ComfyUI folder where the Python that runs pytest has its requirements: tests/nodes
runs only there. tests/comfyui/test_in_process.py starts that run by itself.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from comfyui import Installation

ROOT = Path(__file__).resolve().parent.parent
NAME = "multiedit"

sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests ran on ComfyUI, and why not the others."""
    stats = terminalreporter.stats
    reports = [report for kind in ("passed", "failed", "skipped") for report in stats.get(kind, [])]
    ours = [report for report in reports if "comfyui" in report.keywords and report.when != "teardown"]
    properties = [dict(report.user_properties) for report in ours if not report.skipped]
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in ours if report.skipped)
    if properties:
        count = sum(found.get("tests", 1) for found in properties)
        terminalreporter.write_line(f"ComfyUI tests: {count} ran on {Installation.find().version}")
    for reason, count in reasons.items():
        terminalreporter.write_line(f"ComfyUI tests: {count} skipped: {reason}")
