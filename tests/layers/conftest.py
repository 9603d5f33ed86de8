from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest
from multiedit.tests.support.comfyui import Installation


@pytest.fixture(scope="session")
def core_blend() -> ModuleType:
    """ComfyUI's own blend arithmetic, which needs NumPy only."""
    installation = Installation.find()
    if reason := installation.missing():
        pytest.skip(reason)
    path = installation.home / "comfy_extras" / "compositor_blend.py"
    if not path.exists():
        pytest.skip(f"no {path}: this ComfyUI is older than 0.31")
    spec = importlib.util.spec_from_file_location("comfyui_compositor_blend", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
