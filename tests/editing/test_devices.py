"""Overlays, masks and layers on other devices than the base's: the result is on the base's, and the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
from multiedit.pipelines.adapters.comfyui.pixels import finished
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.pipelines.adapters.local import local_adapters
from multiedit.pipelines.catalog.lookup import load_catalog
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.editing.edit_tensors import edit_tensors
from multiedit.pipelines.editing.save import save_images
from multiedit.pipelines.images.encode import EncodeOptions
from multiedit.pipelines.layers.composite import composite
from multiedit.pipelines.layers.document import parse_document
from multiedit.pipelines.layers.modes import BLEND_MODES
from multiedit.pipelines.layers.placement import Placement
from multiedit.pipelines.layers.stack import compose_stack
from multiedit.pipelines.planning.tensor_plan import EditSettings
from multiedit.pipelines.safety.policy import Policy
from multiedit.pipelines.safety.screening import screen
from multiedit.tests.support.classifiers import default_classifier
from multiedit.tests.support.other_device import DEVICE, other_device
from torch import Tensor

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
LIMITS = Limits()
GENERATOR = torch.Generator().manual_seed(0)
BASE, OVERLAY, MASK = (
    torch.rand(*shape, generator=GENERATOR) for shape in ((2, 40, 60, 4), (1, 33, 21, 3), (1, 17, 5))
)
SCENES: dict[str, dict[str, Any]] = {
    "seamless": {"seamless": True},
    "seamless and turned": {"seamless": True, "rotation": 20.0},
    "stretched": {"fit": "stretch"},
}
MODES: dict[str, dict[str, Any]] = {mode: {"blend_mode": mode} for mode in BLEND_MODES}


def composed(base: Tensor, other: torch.device, scene: str) -> Tensor:
    images = {1: (base, MASK.to(other)), 2: (OVERLAY.to(other), MASK.to(other))}
    placement = Placement(**(SCENES | MODES)[scene])
    return compose_stack(
        None, images, placement, canvas="base", background=(1.0, 0.0, 0.0), limits=LIMITS
    ).image


def from_document(base: Tensor, other: torch.device, scene: str) -> Tensor:
    overlay = {"image": OVERLAY.to(other), "mask": MASK.to(base.device), "z_index": 1, "rotation": 0.3}
    return composite(parse_document({"layers": [overlay, {"image": base, "mask": MASK.to(other)}]}, LIMITS))


def edited(base: Tensor, other: torch.device, scene: str) -> Tensor:
    settings = EditSettings(
        "layer-composite", "p", keep_size=True, placement=Placement(**SCENES[scene], opacity=0.5)
    )
    images = [base, OVERLAY.to(other)]
    adapters = local_adapters(LIMITS)
    return edit_tensors(settings, images, MASK.to(other), load_catalog(), adapters, lambda share: None).image


def stitched(base: Tensor, other: torch.device, scene: str) -> Tensor:
    fit = ReferenceFit((32, 32), (60, 40), (10, 4, 30, 30))
    return finished(OVERLAY.to(other), (60, 40), base[:1], MASK.to(other), fit)


def screened(base: Tensor, other: torch.device, scene: str) -> Tensor:
    return screen(base, default_classifier, Policy(threshold=0.0))[0]


@pytest.fixture(params=["stand-in", "cuda"])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """A device beside the CPU, a card's where there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    with other_device() if request.param == "stand-in" else nullcontext(CUDA) as found:
        yield found


@pytest.mark.parametrize(
    ("make", "scene"),
    [
        *((composed, scene) for scene in SCENES),
        *((make, "seamless") for make in (from_document, edited, stitched, screened)),
    ],
)
def test_the_result_is_on_the_bases_device(
    device: torch.device, make: Callable[[Tensor, torch.device, str], Tensor], scene: str
) -> None:
    expected = make(BASE, CPU, scene)
    there = make(BASE.to(device), CPU, scene)
    assert there.device.type == device.type
    torch.testing.assert_close(there.cpu(), expected, atol=1e-3, rtol=0)
    here = make(BASE, device, scene)
    assert here.device == CPU
    torch.testing.assert_close(here, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("mode", MODES)
def test_a_blend_mode_computes_on_the_bases_device(device: torch.device, mode: str) -> None:
    there = composed(BASE[:1].to(device), CPU, mode)
    assert there.device.type == device.type
    torch.testing.assert_close(there.cpu(), composed(BASE[:1], CPU, mode), atol=1e-3, rtol=0)


def test_images_of_any_device_are_saved(device: torch.device, tmp_path: Path) -> None:
    saved = save_images(
        BASE.to(device, torch.bfloat16), EncodeOptions(), lambda index, suffix: tmp_path / f"{index}{suffix}",
        automatic=False, texts={}, report=None, plan=None, progress=lambda share: None,
    )  # fmt: skip
    assert [file.path.stat().st_size > 1000 for file in saved] == [True, True]


def test_the_stand_in_refuses_company_from_the_cpu() -> None:
    """Otherwise the tests above would pass whatever happens."""
    with other_device(), pytest.raises(RuntimeError, match="same device"):
        BASE.to(DEVICE) + BASE
