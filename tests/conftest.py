"""Load the pack the way ComfyUI does: by its path, under one name, never through sys.path.

With the repository root on sys.path our `nodes/` would shadow ComfyUI's `nodes.py`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "multiedit"

sys.path[:] = [entry for entry in sys.path if Path(entry or os.getcwd()).resolve() != ROOT]

if NAME not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        NAME, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = module
    spec.loader.exec_module(module)
