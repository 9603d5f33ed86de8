"""A request's plan, its graph, and the plan that Multi-Edit makes of that graph: the same size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.request_graph import request_graph
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.images.encode import EncodeOptions
from multiedit.pipelines.images.facts import ImageFacts
from multiedit.pipelines.planning.plan import EditPlan, make_plan
from multiedit.pipelines.planning.request import EditRequest, parse_request
from multiedit.pipelines.planning.tensor_plan import EditSettings, plan_tensors

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

KLEIN, QWEN, COMPOSITE = "flux-2-klein-4b-edit", "qwen-edit", "layer-composite"
CATALOG = load_catalog()
ADAPTERS = dict.fromkeys((KLEIN, QWEN, COMPOSITE), "an adapter")
ODD, PHONE, WIDE = (801, 601), (1170, 2532), (1536, 1024)
OPENAI = "size"  # of an OpenAI request; the others are the contract's


def request(model: str, fields: Mapping[str, Any]) -> EditRequest:
    given = {"prompt": "p", "images": ["aGk="], "modelId": model, "safe_mode": False, **fields}
    size = given.pop(OPENAI, None)
    return replace(parse_request(given, Limits()), size=size)


class Seen:
    """What Multi-Edit has read of its inputs."""

    settings: EditSettings
    images: list[torch.Tensor]
    mask: torch.Tensor | None


@pytest.fixture
def seen(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Stops Multi-Edit where it has read its inputs, before a model is asked for."""
    from comfy_api.latest import io
    from multiedit.nodes import edit
    from multiedit.pipelines.editing import edit_tensors

    seen = Seen()

    def expand(
        cls: Any, settings: EditSettings, options: Any, masked: Any, loaded: Any, item: int, shows: bool
    ) -> Any:
        seen.settings, seen.images, seen.mask = settings, list(masked.images.values()), masked.mask
        return io.NodeOutput(None, "", "", expand={})

    def composite(settings: EditSettings, images: Any, mask: Any, *others: Any) -> Any:
        seen.settings, seen.images, seen.mask = settings, images, mask
        raise NotImplementedError("not edited")

    monkeypatch.setattr(edit, "expand_edit", expand)
    monkeypatch.setattr(edit_tensors, "edit_tensors", composite)
    return seen


def queue(graph: Any, plan: EditPlan, base: torch.Tensor) -> None:
    """Queue the graph of a plan, its image and its model from sources."""
    nodes = request_graph(plan, ["a.png"], EncodeOptions(format="png"), "x", CATALOG)
    inputs = {
        name: base if name == "image_1" else "a model" if name == "loaded_model" else value
        for name, value in nodes["edit"]["inputs"].items()
    }
    try:
        graph.run("MultiEditEdit", **inputs)
    except graph.Failed as error:
        assert "not edited" in str(error)  # noqa: PT017


@pytest.mark.parametrize("model", [KLEIN, QWEN, COMPOSITE])
@pytest.mark.parametrize("base", [ODD, PHONE, WIDE], ids=str)
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"aspect_ratio": "16:9"},
        {"aspect_ratio": "1:1", "resolution": "2K"},
        {"resolution": "1K"},
        {"multiedit": {"keep_size": True}},
        {"multiedit": {"snap_ratio": True}},
        {"multiedit": {"extend": {"left": 100, "right": "25%"}}},
        {"multiedit": {"extend": {"aspect_ratio": "16:9", "anchor": "top-left"}}},
        {OPENAI: (1024, 1024)},
        {OPENAI: (1536, 1024)},
        {OPENAI: (1000, 700)},
        {OPENAI: ODD},
    ],
    ids=str,
)
def test_multi_edit_plans_the_size_that_was_planned(
    graph: Any, seen: Seen, model: str, base: tuple[int, int], fields: dict[str, Any]
) -> None:
    from multiedit.pipelines.common.errors import UnsupportedValue

    try:
        plan = make_plan(request(model, fields), [ImageFacts(*base)], CATALOG, ADAPTERS, Limits())
    except UnsupportedValue:
        pytest.skip(f"{model} does not take {fields}")
    queue(graph, plan, torch.zeros(1, base[1], base[0], 3))
    settings = replace(seen.settings, model=model)
    again = plan_tensors(settings, seen.images, seen.mask, CATALOG, ADAPTERS)
    asked, made = (
        (each.width, each.height, each.work_width, each.work_height, each.aspect_ratio, each.extension)
        for each in (plan, again)
    )
    assert made == asked
