"""Registration: what ComfyUI finds in the root, and two copies of the pack side by side."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def test_the_root_has_an_entrypoint_and_no_v1_mapping() -> None:
    import multiedit

    assert asyncio.iscoroutinefunction(multiedit.comfy_entrypoint)
    assert not hasattr(multiedit, "NODE_CLASS_MAPPINGS")
    assert multiedit.WEB_DIRECTORY == "./web"


def registered(monkeypatch: pytest.MonkeyPatch, mapping: dict[str, Any]) -> list[Any]:
    from multiedit.nodes.registry import MultiEditExtension

    monkeypatch.setattr("nodes.NODE_CLASS_MAPPINGS", mapping)
    return asyncio.run(MultiEditExtension().get_node_list())


def test_a_copy_alone_registers_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from multiedit.nodes.registry import INNER_NODES, NODE_CLASS_MAPPINGS

    nodes = [*NODE_CLASS_MAPPINGS.values(), *INNER_NODES.values()]
    assert registered(monkeypatch, {"KSampler": object}) == nodes


def test_a_second_copy_steps_back_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = SimpleNamespace(RELATIVE_PYTHON_MODULE="custom_nodes.multi-edit-old")
    with caplog.at_level(logging.WARNING):
        taken = dict.fromkeys(("MultiEditCompose", "MultiEditSave"), other)
        assert registered(monkeypatch, taken) == []
    assert len(caplog.records) == 1
    message = caplog.records[0].getMessage()
    assert "custom_nodes.multi-edit-old" in message
    assert "Remove one" in message
