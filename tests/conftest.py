"""Load the pack the way ComfyUI does: by its path, under one name, never through sys.path.

With the repository root on sys.path our `nodes/` would shadow ComfyUI's `nodes.py`.

`COMFYUI_PATH` (or `MULTIEDIT_COMFYUI`) names a ComfyUI folder; the tests marked `comfyui` need it, and a
Python that has ComfyUI's requirements. They are skipped without.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "multiedit"

sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]

COMFYUI = os.environ.get("COMFYUI_PATH") or os.environ.get("MULTIEDIT_COMFYUI")
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
