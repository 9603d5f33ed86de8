from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def core_blend() -> ModuleType:
    """ComfyUI's own blend arithmetic, which needs NumPy only."""
    home = os.environ.get("COMFYUI_PATH")
    if not home:
        pytest.skip("COMFYUI_PATH names no ComfyUI folder (`make comfyui` sets one up)")
    path = Path(home) / "comfy_extras" / "compositor_blend.py"
    if not path.exists():
        pytest.skip(f"{path} does not exist: this ComfyUI is older than 0.31")
    spec = importlib.util.spec_from_file_location("comfyui_compositor_blend", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
