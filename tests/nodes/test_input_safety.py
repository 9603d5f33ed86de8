"""MULTIEDIT_SAFETY_INPUTS in ComfyUI's executor: every node that takes images judges them, once."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_layer_profiles, load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.tests.support.classifiers import StandIn, fixed

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

IMAGE = torch.rand(1, 64, 64, 3)
AUTO = {"model.aspect_ratio": "auto", "model.resolution": "auto", "prompt": "p", "seed": 0}


def judge(monkeypatch: pytest.MonkeyPatch, score: float) -> StandIn:
    """The classifier that judges inputs from here on."""
    from multiedit.pipelines.safety.classifiers import loader

    classifier = fixed(score)
    monkeypatch.setattr(loader, "load_known", lambda name, store, place: classifier)
    monkeypatch.setenv("MULTIEDIT_SAFETY_CLASSIFIERS", "open_nsfw")
    monkeypatch.setenv("MULTIEDIT_SAFETY_INPUTS", "true")
    return classifier


def loaded(profile: Any) -> Any:
    """A model of which only the selection is there."""
    from multiedit.nodes.loaded_model import LoadedModel

    files = {role: part.files[0].name for role, part in profile.parts.items()}
    return LoadedModel(profile.model, ProfileSelection(profile, files, ()), None, None, None)


def layers() -> dict[str, Any]:
    from multiedit.pipelines.layers.stack import stack_images

    return stack_images([IMAGE])


@pytest.mark.parametrize("sockets", [["image_1"], ["layers"], ["layers", "image_1"]])
def test_compose_layers_judges_every_layer(
    graph: Any, monkeypatch: pytest.MonkeyPatch, sockets: list[str]
) -> None:
    inputs = {name: layers() if name == "layers" else IMAGE for name in sockets}
    classifier = judge(monkeypatch, 0.1)
    graph.run("MultiEditCompose", **inputs)
    assert len(classifier.seen) == len(sockets)
    judge(monkeypatch, 0.9)
    with pytest.raises(graph.Failed, match="Safe mode refuses layer 1: "):
        graph.run("MultiEditCompose", **inputs, z_index=1)


@pytest.mark.parametrize(
    ("image", "refused"),
    [
        (IMAGE, "Safe mode refuses image: "),
        (IMAGE[0], "Safe mode refuses image: "),
        (IMAGE.repeat(2, 1, 1, 1), "image has 2 images; the limit is 1"),
        (IMAGE[:0], "it must be a tensor"),
    ],
    ids=["one", "without a batch", "two", "none"],
)
def test_image_to_layers_judges_one_image(
    graph: Any, monkeypatch: pytest.MonkeyPatch, image: torch.Tensor, refused: str
) -> None:
    from multiedit.nodes import image_to_layers

    model = loaded(load_layer_profiles().get("qwen-layered"))
    # A model whose loader is not in the graph is refused before.
    monkeypatch.setattr(
        image_to_layers, "selection_of", lambda dynprompt, link: (model.model_id, model.selection)
    )
    judge(monkeypatch, 0.9)
    with pytest.raises(graph.Failed, match=refused):
        graph.run("MultiEditImageToLayers", loaded_model=model, image=image)


def test_a_deferred_edit_is_judged_once(graph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(load_profiles().get("flux-2-klein-4b"))
    classifier = judge(monkeypatch, 0.1)
    inputs = {"model": "from loader", "image_1": IMAGE, "image_2": torch.rand(1, 32, 32, 3), **AUTO}
    with pytest.raises(graph.Failed):  # later, since no weights are loaded
        graph.run("MultiEditEdit", loaded_model=model, **inputs)
    assert [shape[0] for shape in classifier.seen] == [1, 1]
    judge(monkeypatch, 0.9)
    with pytest.raises(graph.Failed, match="Safe mode refuses image_1"):
        graph.run("MultiEditEdit", loaded_model=model, **inputs)


def test_a_cancel_is_heard_while_frames_are_judged(
    graph: Any, comfyui: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = judge(monkeypatch, 0.1)
    answer = classifier.answer

    def cancelled_at_the_third(images: Any) -> Any:
        if len(classifier.seen) == 3:
            comfyui.interrupt_processing()
        return answer(images)

    monkeypatch.setattr(classifier, "answer", cancelled_at_the_third)
    with pytest.raises(graph.Failed, match="interrupted in node"):
        graph.run("MultiEditEdit", model="layer-composite", image_1=torch.rand(60, 8, 8, 3), **AUTO)
    assert len(classifier.seen) == 3
