"""Safe Mode in ComfyUI's executor: lists, thresholds, a missing classifier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def screen(graph: Any, image: torch.Tensor, **inputs: Any) -> list[list[Any]]:
    return graph.lists(
        "MultiEditSafeMode", image=image, threshold=inputs.pop("threshold", "default"), **inputs
    )


def grey_and_noise(channels: int = 3) -> torch.Tensor:
    """Mid grey scores 0.195, noise next to nothing."""
    noise = torch.rand(1, 80, 90, channels, generator=torch.Generator().manual_seed(0))
    if channels == 4:
        noise[..., 3] = 1.0
    return torch.cat((torch.full_like(noise, 0.5), noise))


@pytest.mark.parametrize("channels", [3, 4])
def test_every_picture_has_its_own_verdict(graph: Any, channels: int) -> None:
    image = grey_and_noise(channels)
    custom = {"threshold": "custom", "threshold.score": 0.1}
    (out,), blurred, scores, (report,) = screen(graph, image, **custom)
    assert out.shape == image.shape
    assert blurred == [True, False]
    assert scores[0] > 0.1 > scores[1]
    assert torch.equal(out[1], image[1])
    assert not torch.equal(out[0, ..., :3].std(), torch.tensor(1.0))
    verdicts = json.loads(report)
    assert [verdict["blurred"] for verdict in verdicts] == blurred
    assert verdicts[0]["threshold"] == 0.1


def test_the_default_is_the_classifiers_own(graph: Any) -> None:
    (out,), blurred, _, (report,) = screen(graph, grey_and_noise())
    assert blurred == [False, False]
    assert torch.equal(out, grey_and_noise())
    assert json.loads(report)[0]["threshold"] == 0.5


def test_a_picture_that_cannot_be_judged_is_blurred(graph: Any) -> None:
    image = grey_and_noise()
    image[1, 3, 3, 0] = float("nan")
    (out,), blurred, scores, (report,) = screen(graph, image)
    assert blurred == [False, True]
    assert scores[1] == 1.0
    assert json.loads(report)[1]["status"] == "error"
    assert torch.isfinite(out).all()


def test_what_a_missing_classifier_means_is_chosen(
    graph: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from multiedit.pipelines.safety import open_nsfw

    default = open_nsfw.default_classifier
    monkeypatch.setattr(open_nsfw, "default_classifier", lambda: default(tmp_path / "gone"))
    with pytest.raises(graph.Failed, match="cannot be read"):
        screen(graph, grey_and_noise())
    _, blurred, scores, _ = screen(graph, grey_and_noise(), on_missing="blur_all")
    assert (blurred, scores) == ([True, True], [1.0, 1.0])
