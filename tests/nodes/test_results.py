"""What nodes leave of a run for a page that looks on, and that nothing is left without one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

EDIT: dict[str, Any] = {
    "model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto", "prompt": "",
    "seed": 0,
}  # fmt: skip


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that looks on."""
    import server

    queue = SimpleNamespace(get_current_queue_volatile=lambda: ([], []))
    instance = SimpleNamespace(client_id="page", send_progress_text=lambda *told: None, prompt_queue=queue)
    monkeypatch.setattr(server.PromptServer, "instance", instance, raising=False)


def pictures(frames: int, seed: int) -> torch.Tensor:
    return torch.rand(frames, 20, 30, 3, generator=torch.Generator().manual_seed(seed))


def sizes(names: list[str]) -> list[tuple[int, int]]:
    from multiedit.pipelines.editing.stage_pictures import RUN_PICTURES

    return [RUN_PICTURES.find(name).size for name in names]


def screened(graph: Any, **edit: Any) -> dict[str, Any]:
    """A Multi-Edit and a Safe Mode after it."""
    prompt = graph.prompt("MultiEditEdit", **EDIT, **edit)
    prompt["screen"] = {
        "class_type": "MultiEditSafeMode",
        "inputs": {"image": ["node", 0], "threshold": "custom", "threshold.score": 0.0},
    }
    prompt["sink"]["inputs"]["value_9"] = ["screen", 0]
    return prompt


def test_two_images_are_left_frame_by_frame_up_to_a_bound(graph: Any, page: None) -> None:
    graph.queue_alone("MultiEditCompare", before=pictures(1, 1), after=pictures(11, 2))
    [result] = graph.ui["node"]["multiedit_result"]
    assert (len(result["before"]), len(result["after"]), result["count"]) == (1, 8, 11)
    assert set(sizes(result["before"] + result["after"])) == {(30, 20)}


def test_nothing_is_left_where_no_page_looks_on(graph: Any) -> None:
    graph.queue_alone("MultiEditCompare", before=pictures(1, 1), after=pictures(1, 2))
    assert graph.ui == {}
    graph.queue(screened(graph, image_1=pictures(1, 1)))
    assert graph.ui == {}


def test_safe_mode_leaves_its_decisions_with_the_images_that_passed(graph: Any, page: None) -> None:
    graph.run("MultiEditSafeMode", image=pictures(2, 1), threshold="custom", **{"threshold.score": 0.0})
    [result] = graph.ui["node"]["multiedit_result"]
    assert [decision["blurred"] for decision in result["decisions"]] == [True, True]
    assert result["decisions"][0].keys() == {"blurred", "score", "label", "status"}
    assert (len(result["after"]), result["before"]) == (2, [])


def test_an_edit_leaves_its_result_but_not_what_safe_mode_has_yet_to_see(graph: Any, page: None) -> None:
    graph.run("MultiEditEdit", **EDIT, image_1=pictures(1, 1), image_2=pictures(1, 2))
    [result] = graph.ui["node"]["multiedit_result"]
    assert (len(result["before"]), len(result["after"])) == (1, 1)
    graph.queue(screened(graph, image_1=pictures(1, 3), image_2=pictures(1, 2)))
    [result] = graph.ui["node"]["multiedit_result"]
    assert (len(result["before"]), len(result["after"])) == (1, 0)


def test_save_leaves_what_to_compare_where_before_is_connected(graph: Any, page: None) -> None:
    save = {"images": pictures(1, 1), "filename_prefix": "a", "format": "png"}
    graph.run("MultiEditSave", **save)
    assert "multiedit_result" not in graph.ui["node"]
    graph.run("MultiEditSave", **save, before=pictures(1, 2))
    [result] = graph.ui["node"]["multiedit_result"]
    assert (len(result["before"]), len(result["after"])) == (1, 1)


def test_a_value_that_is_no_image_is_refused(graph: Any) -> None:
    with pytest.raises(graph.Failed, match="before has the shape"):
        graph.queue_alone("MultiEditCompare", before=torch.rand(4), after=pictures(1, 2))
