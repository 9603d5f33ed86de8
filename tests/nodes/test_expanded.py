"""Nodes inside an expansion where the rest of ComfyUI is not as usual, in its executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui


def test_a_decoded_image_in_half_floats_is_scaled(graph: Any) -> None:
    (image,) = graph.run("MultiEditScale", image=torch.rand(1, 16, 16, 3).half(), width=24, height=32)
    assert (tuple(image.shape), image.dtype) == ((1, 32, 24, 3), torch.float32)


def sampling(error: Exception) -> type:
    """A sampler that fails."""

    def execute(*arguments: Any) -> None:
        raise error

    return type("Sampler", (), {"execute": staticmethod(execute)})


@pytest.fixture
def unloaded(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the memory management was asked to do."""
    import comfy.model_management

    calls: list[str] = []

    def records(name: str) -> Callable[[], None]:
        return lambda: calls.append(name)

    for name in ("unload_all_models", "soft_empty_cache"):
        monkeypatch.setattr(comfy.model_management, name, records(name))
    return calls


SAMPLE = {name: [name] for name in ("noise", "guider", "sampler", "sigmas", "latent")}


@pytest.mark.parametrize(
    ("error", "words", "unloads"),
    [
        (torch.cuda.OutOfMemoryError("full"), "Out of memory while sampling", True),
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
    unloads: bool,
) -> None:
    monkeypatch.setitem(comfyui.NODE_CLASS_MAPPINGS, "SamplerCustomAdvanced", sampling(error))
    with pytest.raises(graph.Failed, match=words):
        graph.run("MultiEditSample", **SAMPLE, last=True)
    assert ("unload_all_models" in unloaded) == unloads


class Sampler:
    """Samples where the card has room for what the guider needs.

    Attributes:
        room: the guiders that fit.
        tried: the guiders of every attempt.
    """

    room: set[str] = set()  # noqa: RUF012
    tried: list[str] = []  # noqa: RUF012

    @classmethod
    def execute(cls, noise: Any, guider: Any, *others: Any) -> Any:
        cls.tried.append(guider)
        if guider not in cls.room:
            raise torch.cuda.OutOfMemoryError("full")
        return ({"samples": guider},)


def attempts(*guiders: str) -> dict[str, Any]:
    """A prompt of attempts after each other, the last of which raises."""
    import nodes

    names = {*SAMPLE, *guiders}
    nodes.NODE_CLASS_MAPPINGS["TestSource"].values |= {name: name for name in names}
    prompt = {name: {"class_type": "TestSource", "inputs": {"key": name}} for name in names}
    previous: dict[str, Any] = {}
    for number, guider in enumerate(guiders, start=1):
        links = {name: [name, 0] for name in SAMPLE} | {"guider": [guider, 0]} | previous
        inputs = {**links, "last": number == len(guiders)}
        prompt[f"sample {number}"] = {"class_type": "MultiEditSample", "inputs": inputs}
        previous = {"previous": [f"sample {number}", 0]}
    prompt["sink"] = {"class_type": "TestSink", "inputs": {"value_0": previous["previous"]}}
    return prompt


@pytest.mark.parametrize(
    ("room", "sampled", "tried"),
    [
        ({"large", "small"}, "large", ["large"]),
        ({"small", "tiny"}, "small", ["large", "small"]),
        ({"tiny"}, "tiny", ["large", "small", "tiny"]),
    ],
)
def test_smaller_references_are_tried_where_larger_ones_do_not_fit(
    graph: Any,
    comfyui: Any,
    unloaded: list[str],
    monkeypatch: pytest.MonkeyPatch,
    room: set[str],
    sampled: str,
    tried: list[str],
) -> None:
    monkeypatch.setitem(comfyui.NODE_CLASS_MAPPINGS, "SamplerCustomAdvanced", Sampler)
    monkeypatch.setattr(Sampler, "room", room)
    monkeypatch.setattr(Sampler, "tried", [])
    assert graph.queue(attempts("large", "small", "tiny")) == [[{"samples": sampled}]]
    assert Sampler.tried == tried


def test_an_attempt_that_failed_is_made_again_in_the_next_run(
    graph: Any, comfyui: Any, unloaded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(comfyui.NODE_CLASS_MAPPINGS, "SamplerCustomAdvanced", Sampler)
    monkeypatch.setattr(Sampler, "tried", [])
    prompt = attempts("large", "small")
    with pytest.raises(graph.Failed, match="Out of memory while sampling"):
        graph.queue(prompt)
    monkeypatch.setattr(Sampler, "room", {"large"})
    assert graph.queue(prompt) == [[{"samples": "large"}]]
    assert Sampler.tried == ["large", "small", "large"]


def test_every_option_of_a_loaded_model_is_read(comfyui: Any) -> None:
    from multiedit.nodes.loaded_model_edit import read_options
    from multiedit.pipelines.adapters.comfyui.generation_plan import GenerationOptions

    widgets = {
        "batch_size": 3, "sampling_megapixels": 0.5, "reference_megapixels": 0.25, "crop_and_stitch": "off",
        "kv_cache": "on", "easy_cache": "on", "on_out_of_memory": "error",
    }  # fmt: skip
    assert read_options(widgets) == GenerationOptions(3, 2**19, 2**18, "off", "on", "on", False)
    assert read_options(dict.fromkeys(widgets)) == GenerationOptions()


@pytest.mark.parametrize(
    ("widget", "value"),
    [("batch_size", 17), ("batch_size", 0), ("sampling_megapixels", 4.1), ("reference_megapixels", -1.0)],
)
def test_a_linked_option_out_of_its_range_is_refused(comfyui: Any, widget: str, value: float) -> None:
    from multiedit.nodes.loaded_model_edit import read_options
    from multiedit.pipelines.common.errors import InvalidRequest

    with pytest.raises(InvalidRequest, match=f"{widget} is {value}; it must be"):
        read_options({widget: value})


IMAGES = {"image": torch.zeros(1, 8, 8, 3), "base": torch.zeros(1, 8, 8, 3), "mask": torch.ones(1, 8, 8)}
LONG = torch.zeros(1, 1, 2000, 3)


@pytest.mark.parametrize(
    ("node", "inputs", "message"),
    [
        ("MultiEditScale", {"width": 12_000, "height": 12_000}, "the result is 12000x12000"),
        ("MultiEditFinish", {"width": 12_000, "height": 12_000, "fit": {"size": [8, 8]}}, "the result is"),
        ("MultiEditFinish", {"width": 8, "height": 8, "fit": {"size": [12_000] * 2}}, "fit.size is 12000x"),
        ("MultiEditFit", {"fit": {"size": [12_000, 12_000]}}, "fit.size is 12000x12000"),
        ("MultiEditGrowMask", {"width": 12_000, "height": 12_000, "grow": 1}, "the result is 12000x12000"),
        ("MultiEditFit", {"fit": "text"}, "fit is 'text'; it must be an object"),
        (
            "MultiEditFit",
            {"image": LONG, "fit": {"size": [8, 8], "canvas": [1024, 1024]}},
            "fit.canvas, covered by the image, is 2048000x1024|it must be a whole number from 0 to 65535",
        ),
        ("MultiEditReference", {"loaded_model": [1], "fit": {"size": [12_000] * 2}}, "fit.size is 12000x"),
        (
            "MultiEditMaskedLatent",
            {"loaded_model": [1], "batch_size": 1, "fit": {"size": [12_000] * 2}},
            "fit.size is 12000x",
        ),
        (
            "MultiEditMaskedLatent",
            {"loaded_model": [1], "batch_size": 17, "fit": {"size": [8, 8]}},
            "value_bigger_than_max",
        ),
        (
            "MultiEditStackLayers",
            {"images": torch.zeros(2, 8, 8, 4), "width": 12_000, "height": 12_000},
            "the result is 12000x12000",
        ),
        (
            "MultiEditStackLayers",
            {"images": torch.zeros(1, 8, 8, 4), "width": 70_000, "height": 8},
            "the result is 70000",
        ),
    ],
)
def test_sizes_that_a_stranger_sends_are_bounded(
    graph: Any, comfyui: Any, node: str, inputs: dict[str, Any], message: str
) -> None:
    """Inner nodes can be queued by themselves."""
    known = comfyui.NODE_CLASS_MAPPINGS[node].INPUT_TYPES()
    names = {*known["required"], *known.get("optional", {})}
    given = {name: value for name, value in IMAGES.items() if name in names}
    given |= {name: 0 for name in ("item", "frame") if name in names}
    with pytest.raises(graph.Failed, match=message):
        graph.run(node, **(given | inputs))


@pytest.mark.parametrize(("node", "more"), [("MultiEditEdit", {}), ("MultiEditDeferred", {"item": 0})])
def test_text_in_place_of_a_loaded_model_is_refused(graph: Any, node: str, more: dict[str, int]) -> None:
    model = {"model": "from loader", "model.aspect_ratio": "auto", "model.resolution": "auto"}
    inputs = {"prompt": "p", "image_1": torch.zeros(1, 8, 8, 3), "loaded_model": "text", "seed": 0, **more}
    with pytest.raises(graph.Failed, match=r"loaded_model is 'text', not a model\. Connect Load Multi-Edit"):
        graph.run(node, **model, **inputs)
