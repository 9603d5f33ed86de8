"""ComfyUI's own rules on our nodes: caching, inputs left as they are, interruption."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

MODEL = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"}


def pictures() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    base = torch.rand(2, 40, 60, 4, generator=generator)
    return {"base": base, "overlay": torch.rand(1, 33, 21, 3), "mask": torch.rand(1, 17, 5)}


# Every node that takes pictures, and one input to change.
CASES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], dict[str, Any]]] = {
    "MultiEditCompose": (
        lambda given: {
            "image_1": given["base"], "image_2": given["overlay"],
            "mask_2": given["mask"],
            "seamless": True, "rotation": 20.0,
        },
        {"opacity": 0.5},
    ),
    "MultiEditEdit": (
        lambda given: {
            **MODEL, "image_1": given["base"], "image_2": given["overlay"],
            "mask": given["mask"], "prompt": "p", "seed": 0,
        },
        {"prompt": "q"},
    ),
    "MultiEditResolveSize": (lambda given: {**MODEL, "image": given["base"]}, {"keep_size": True}),
    "MultiEditSafeMode": (
        lambda given: {"image": given["base"], "threshold": "custom", "threshold.score": 0.0},
        {"threshold.score": 1.0},
    ),
    "MultiEditSave": (
        lambda given: {"images": given["base"], "filename_prefix": "a", "format": "png"},
        {"metadata": "none"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_nothing_runs_again_until_an_input_changes(graph: Any, name: str) -> None:
    inputs, change = CASES[name]
    prompt = graph.prompt(name, **inputs(pictures()))
    graph.queue(prompt)
    assert "node" not in graph.cached
    graph.queue(prompt)
    assert set(graph.cached) == set(prompt)
    prompt["node"]["inputs"] |= change
    graph.queue(prompt)
    assert "node" not in graph.cached


@pytest.mark.parametrize("name", CASES)
def test_an_upstream_tensor_is_never_changed(graph: Any, name: str) -> None:
    inputs, _ = CASES[name]
    given = pictures()
    copies = {key: tensor.clone() for key, tensor in given.items()}
    graph.run(name, **inputs(given))
    assert all(torch.equal(given[key], copies[key]) for key in given)


@pytest.mark.parametrize(
    ("name", "module"),
    [("MultiEditCompose", "compose"), ("MultiEditEdit", "edit"), ("MultiEditSafeMode", "safe_mode")],
)
def test_an_interruption_is_heard_between_two_reports_of_progress(
    graph: Any, name: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import comfy.model_management as management
    import multiedit.nodes as pack

    clamp = torch.Tensor.clamp_

    def interrupt(*values: Any, **kwargs: Any) -> Any:
        management.interrupt_current_processing()
        return clamp(*values, **kwargs)

    monkeypatch.setattr(torch.Tensor, "clamp_", interrupt)
    monkeypatch.setattr(getattr(pack, module), "progress_callback", lambda: lambda share: None)
    inputs, _ = CASES[name]
    with pytest.raises(graph.Failed, match="interrupted in node"):
        graph.run(name, **inputs(pictures()))


def test_what_is_comfyuis_own_ends_whatever_happens(comfyui: Any) -> None:
    import comfy.model_management as management
    from multiedit.nodes.progress import interruptible_torch, uninterrupted

    with interruptible_torch():
        management.interrupt_current_processing()
        with uninterrupted():
            torch.ones(1) + 1
        with pytest.raises(management.InterruptProcessingException):
            torch.ones(1) + 1


def test_every_thread_hears_of_an_interruption(comfyui: Any) -> None:
    """ComfyUI tells of it once."""
    import comfy.model_management as management
    from multiedit.nodes.progress import interruptible_torch
    from multiedit.pipelines.common.threads import in_parallel

    with interruptible_torch():
        management.interrupt_current_processing()
        for work in (lambda: list(in_parallel(torch.ones, range(1, 9))), lambda: torch.ones(1)):
            with pytest.raises(management.InterruptProcessingException):
                work()
    with interruptible_torch():
        assert torch.ones(1) == 1


@pytest.mark.parametrize("name", ["MultiEditCompose", "MultiEditEdit", "MultiEditSafeMode", "MultiEditSave"])
def test_an_interruption_is_heard_within_one_frame(
    graph: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import comfy.model_management as management
    import comfy.utils

    shares: list[float] = []

    def hook(value: int, total: int, preview: object, **kwargs: object) -> None:
        shares.append(value / total)
        management.interrupt_current_processing()

    monkeypatch.setattr(comfy.utils, "PROGRESS_BAR_HOOK", hook)
    inputs, _ = CASES[name]
    with pytest.raises(graph.Failed, match="interrupted in node"):
        graph.run(name, **inputs(pictures()))
    assert len(shares) == 1
    assert shares[0] <= 0.5
