"""Multi-Edit Sampling."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def test_the_owner_bounds_the_steps(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    node = comfyui.NODE_CLASS_MAPPINGS["MultiEditSampling"]
    assert node.validate_inputs(steps=10_000) is True
    monkeypatch.setenv("MULTIEDIT_MAX_STEPS", "50")
    assert node.validate_inputs(steps=50) is True
    assert node.validate_inputs(steps=51) == "steps is 51; it must be 1 to 50, or -1 for the profile's."
    [steps] = [each for each in node.define_schema().inputs if each.id == "steps"]
    assert steps.max == 50
