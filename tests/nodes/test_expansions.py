"""The graphs that were reviewed (tests/adapters/comfyui/golden), held against the nodes of a real ComfyUI."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

GOLDEN = {
    path.stem: path for path in (Path(__file__).parents[1] / "adapters" / "comfyui" / "golden").iterdir()
}
MODULES = (
    "boogu", "cfg", "custom_sampler", "differential_diffusion", "easycache", "edit_model", "flux", "latent",
    "mage", "model_advanced", "qwen", "sd3",
)  # fmt: skip


@pytest.fixture(scope="module")
def core(comfyui: Any) -> Any:
    """ComfyUI's `nodes` with the extra nodes that the graphs use."""
    folder = Path(comfyui.__file__).parent / "comfy_extras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in MODULES:
            file = str(folder / f"nodes_{name}.py")
            assert asyncio.run(comfyui.load_custom_node(file, module_parent="comfy_extras"))
    return comfyui


def queued(graph: Mapping[str, Any]) -> dict[str, Any]:
    """A graph as it is queued: what it is made of from sources, its image to a sink."""
    nodes = graph["nodes"]
    outside = {"loader", "mask", *(f"image {number}" for number in range(1, 4))}
    sources = {name: {"class_type": "TestSource", "inputs": {"key": name}} for name in outside}
    sink = {"class_type": "TestSink", "inputs": {"value_0": graph["image"]}}
    return {**sources, **nodes, "sink": sink}


@pytest.mark.parametrize("profile", list(load_profiles()), ids=lambda profile: profile.id)
def test_every_node_and_input_is_there_and_every_value_within_bounds(
    core: Any, graph: Any, profile: Any
) -> None:
    from comfy_api.latest import _io

    for case, made in json.loads(GOLDEN[profile.id].read_text()).items():
        prompt = queued(made)
        missing = {node["class_type"] for node in prompt.values()} - set(core.NODE_CLASS_MAPPINGS)
        if missing:
            # The profile is behind a check of just these; all else of its graph is there.
            assert missing <= set(profile.nodes), case
            continue
        for name, node in prompt.items():
            kind = core.NODE_CLASS_MAPPINGS[node["class_type"]]
            known, *_ = _io.get_finalized_class_inputs(kind.INPUT_TYPES(), node["inputs"])
            assert set(node["inputs"]) <= {*known["required"], *known["optional"]}, (case, name)
        valid, error, _, node_errors = asyncio.run(graph._execution.validate_prompt("test", prompt, None))
        assert valid, (case, error, node_errors)


def test_the_profiles_that_comfyui_is_too_old_for_are_known(core: Any) -> None:
    lacking = {
        profile.id: {name for name in profile.nodes if name not in core.NODE_CLASS_MAPPINGS}
        for profile in load_profiles()
    }
    newer = {"TextEncodeQwenImage21", "QwenImage21Cache"}, {"ReferenceMultiLatent", "Flux3LayoutPrompt"}
    if "TextEncodeQwenImage21" in core.NODE_CLASS_MAPPINGS:
        pytest.skip("this ComfyUI is newer")
    assert {name: nodes for name, nodes in lacking.items() if nodes} == {
        "qwen-image-2.1-turbo": newer[0],
        "qwen-image-2.1": newer[0],
        "flux-3-klein": newer[1],
        "flux-3-klein-base": newer[1],
    }
