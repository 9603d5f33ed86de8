"""Resolve Size in ComfyUI's executor."""

from __future__ import annotations

from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def test_a_size_is_resolved_and_shown(graph: Any) -> None:
    width, height, ratio, tier, notes = graph.run(
        "MultiEditResolveSize",
        **{"model": "layer-composite", "model.aspect_ratio": "16:9", "model.resolution": "auto"},
    )
    assert (width, height, ratio, tier) == (1376, 774, "16:9", "1K")
    assert "default" in notes
    assert graph.ui["node"]["text"][0].startswith("1376 x 774 pixels")


def test_the_ratio_is_taken_from_the_image(graph: Any) -> None:
    image = torch.zeros(2, 200, 300, 3)
    width, height, ratio, tier, _ = graph.run(
        "MultiEditResolveSize", image=image, **{"model": "firered-image-edit", "model.aspect_ratio": "auto"}
    )
    assert (ratio, tier) == ("3:2", "")
    assert width % 16 == height % 16 == 0


@pytest.mark.parametrize(("snap_ratio", "ratio"), [(False, "4:3"), (True, "3:2")])
def test_the_images_own_ratio_is_snapped_only_where_asked_for(
    graph: Any, snap_ratio: bool, ratio: str
) -> None:
    asked = {"model": "qwen-edit", "model.aspect_ratio": "auto", "snap_ratio": snap_ratio}
    assert graph.run("MultiEditResolveSize", image=torch.zeros(1, 300, 400, 3), **asked)[2] == ratio


def test_the_size_is_kept(graph: Any) -> None:
    width, height, *_ = graph.run(
        "MultiEditResolveSize",
        image=torch.zeros(1, 201, 303, 4),
        keep_size=True,
        **{"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"},
    )
    assert (width, height) == (303, 201)


def test_a_ratio_that_the_model_does_not_take_is_refused(graph: Any) -> None:
    with pytest.raises(graph.Failed, match="value_not_in_list"):
        graph.run("MultiEditResolveSize", **{"model": "qwen-edit", "model.aspect_ratio": "9:21"})
    with pytest.raises(graph.Failed, match="aspect_ratio is not given"):
        graph.run("MultiEditResolveSize", **{"model": "qwen-edit", "model.aspect_ratio": "auto"})
