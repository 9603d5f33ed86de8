"""Half floats, as ComfyUI hands them on with --fp16-intermediates: the results are those of single ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from PIL import Image
from torch import Tensor

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

HALVES = (torch.float16, torch.bfloat16)
MODEL = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"}
FIT = ReferenceFit((256, 256), (300, 300)).to_dict()


def bright(channels: int = 3, frames: int = 1, seed: int = 0) -> Tensor:
    """Large and bright enough that no sum over it fits into half precision."""
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + 0.5 * torch.rand(frames, 300, 300, channels, generator=generator)


def half_open() -> Tensor:
    mask = torch.ones(1, 300, 300)
    mask[:, :150] = 0.0
    mask[:, 150:160] = torch.linspace(0, 1, 10)[None, :, None]
    return mask


NODES: dict[str, tuple[dict[str, Tensor], dict[str, Any]]] = {
    "MultiEditCompose": (
        {
            "image_1": bright(), "image_2": bright(4, seed=1), "mask_2": half_open(),
        },
        {"seamless": True, "blend_mode": "soft-light"},
    ),
    "MultiEditEdit": (
        {"image_1": bright(frames=2), "image_2": bright(seed=1), "mask": half_open()},
        {**MODEL, "prompt": "p", "seed": 0, "keep_size": True},
    ),
    "MultiEditSafeMode": (
        {"image": torch.cat((torch.full((1, 300, 300, 3), 0.5), bright()))},
        {"threshold": "custom", "threshold.score": 0.1},
    ),
    "MultiEditScale": ({"image": bright()}, {"width": 200, "height": 310}),
    "MultiEditFit": ({"image": bright(4)}, {"fit": FIT, "item": 0, "frame": 0}),
    "MultiEditFinish": (
        {"image": bright(), "base": bright(seed=1), "mask": half_open()},
        {"width": 300, "height": 300, "fit": FIT, "item": 0, "frame": 0},
    ),
}  # fmt: skip


@pytest.fixture
def half_intermediates(comfyui: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import comfy.cli_args

    monkeypatch.setattr(comfy.cli_args.args, "fp16_intermediates", True)


def pixels(results: list[Any]) -> list[Tensor]:
    return [result for result in results if isinstance(result, Tensor)]


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize("dtype", HALVES)
def test_the_result_is_that_of_the_same_values_in_single_precision(
    graph: Any, name: str, dtype: torch.dtype
) -> None:
    tensors, others = NODES[name]
    halves = {key: tensor.to(dtype) for key, tensor in tensors.items()}
    singles = {key: tensor.float() for key, tensor in halves.items()}
    expected = pixels(graph.run(name, **singles, **others))
    # Safe Mode hands on what passes as it got it, but for the float type.
    for result, single in zip(pixels(graph.run(name, **halves, **others)), expected, strict=True):
        assert result.dtype == torch.float32
        torch.testing.assert_close(result, single, atol=2**-8 if name == "MultiEditSafeMode" else 0, rtol=0)


@pytest.mark.parametrize("name", NODES)
def test_results_have_the_float_type_of_cores_nodes(graph: Any, half_intermediates: None, name: str) -> None:
    tensors, others = NODES[name]
    results = pixels(graph.run(name, **{key: value.half() for key, value in tensors.items()}, **others))
    assert {result.dtype for result in results} == {torch.float16}


def test_outside_the_mask_the_base_keeps_its_half_floats(graph: Any, half_intermediates: None) -> None:
    tensors, others = NODES["MultiEditEdit"]
    halves = {key: value.half() for key, value in tensors.items()}
    image, *_ = graph.run("MultiEditEdit", **halves, **others)
    assert torch.equal(image[:, :150], halves["image_1"][:, :150])
    assert not torch.equal(image[:, 160:], halves["image_1"][:, 160:])


@pytest.mark.parametrize("dtype", HALVES)
def test_half_floats_are_saved(graph: Any, folders: Path, dtype: torch.dtype) -> None:
    image = bright(4, frames=2).to(dtype)
    graph.run("MultiEditSave", images=image, filename_prefix="half", format="png")
    for frame, path in zip(image, sorted((folders / "output").glob("half*.png")), strict=True):
        levels = (frame.float() * 255).round().to(torch.uint8).numpy()
        assert np.array_equal(np.asarray(Image.open(path)), levels)


def test_images_are_loaded_as_by_load_image(
    graph: Any, comfyui: Any, folders: Path, half_intermediates: None
) -> None:
    levels = np.random.default_rng(0).integers(128, 256, (300, 300, 4), np.uint8)
    Image.fromarray(levels).save(folders / "input" / "a.png")
    image, mask, *_, layers = graph.run("MultiEditLoadLayers", image_1="a.png")
    theirs, their_mask = graph.run("LoadImage", image="a.png")
    assert torch.equal(image[..., :3], theirs)
    assert torch.equal(mask, their_mask)
    composed, *_ = graph.run("MultiEditCompose", layers=layers)
    assert np.abs((composed[0].float() * 255).numpy() - levels).max() < 0.6
