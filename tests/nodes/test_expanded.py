"""Nodes inside an expansion where the rest of ComfyUI is not as usual, in its executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def test_an_answer_in_half_floats_is_scaled(graph: Any) -> None:
    (image,) = graph.run("MultiEditScale", image=torch.rand(1, 16, 16, 3).half(), size="[24, 32]")
    assert (tuple(image.shape), image.dtype) == ((1, 32, 24, 3), torch.float32)


def sampling(error: Exception) -> type:
    """A sampler that fails."""

    def execute(*arguments: Any) -> None:
        raise error

    return type("Sampler", (), {"execute": staticmethod(execute)})


@pytest.fixture
def unloaded(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was said to the memory management."""
    import comfy.model_management

    told: list[str] = []

    def tells(name: str) -> Callable[[], None]:
        return lambda: told.append(name)

    for name in ("unload_all_models", "soft_empty_cache"):
        monkeypatch.setattr(comfy.model_management, name, tells(name))
    return told


SAMPLE = {name: [name] for name in ("noise", "guider", "sampler", "sigmas", "latent")}


@pytest.mark.parametrize(
    ("error", "words", "told"),
    [
        (torch.cuda.OutOfMemoryError("full"), "The memory is full while sampling", True),
        (RuntimeError("other"), "other", False),
    ],
)
def test_after_a_full_memory_nothing_stays_on_the_card(
    graph: Any,
    comfyui: Any,
    unloaded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: str,
    told: bool,
) -> None:
    monkeypatch.setitem(comfyui.NODE_CLASS_MAPPINGS, "SamplerCustomAdvanced", sampling(error))
    with pytest.raises(graph.Failed, match=words):
        graph.run("MultiEditSample", **SAMPLE, smaller="")
    assert ("unload_all_models" in unloaded) == told
