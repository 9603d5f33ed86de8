"""Every node with tensors of any type, rank, size, range and device: a result, or an error of our tree."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from multiedit.pipelines.adapters.comfyui.profiles.registry import load_profiles
from multiedit.pipelines.adapters.comfyui.profiles.selection import ProfileSelection
from multiedit.pipelines.adapters.comfyui.reference_fit import ReferenceFit
from multiedit.pipelines.common import errors
from multiedit.tests.support.other_device import other_device
from multiedit.tests.support.tensors import documents, images, masks

pytest.importorskip("comfy_api.latest")
pytestmark = pytest.mark.comfyui

CPU = torch.device("cpu")
MODEL = {"model": "layer-composite", "model.aspect_ratio": "auto", "model.resolution": "auto"}
FRAME = {"item": 0, "frame": 0}
FIT = ReferenceFit((16, 32), (8, 16)).to_dict()


def loaded() -> Any:
    """A model whose VAE gives back the image, without a text encoder that sees."""
    from multiedit.nodes.loaded_model import LoadedModel

    found = load_profiles().get("flux-2-klein-9b")
    vae = SimpleNamespace(encode=lambda image: image.movedim(-1, 1).contiguous())
    return LoadedModel(found.model, ProfileSelection(found, {}, ()), None, None, vae)


# A node's tensors, and its other inputs. What ends with "?" may be left out.
NODES: dict[str, tuple[dict[str, Any], Callable[[], dict[str, Any]]]] = {
    "MultiEditCompose": (
        {
            "image_1": images, "image_2?": images, "mask_1?": masks,
            "mask_2?": masks, "layers?": documents,
        },
        dict,
    ),
    "MultiEditEdit": (
        {"image_1": images, "image_2?": images, "mask?": masks},
        lambda: {**MODEL, "prompt": "p", "seed": 0, "keep_size": True},
    ),
    "MultiEditResolveSize": ({"image": images}, lambda: {**MODEL, "keep_size": True}),
    "MultiEditSafeMode": ({"image": images}, lambda: {"threshold": "custom", "threshold.score": 0.2}),
    "MultiEditSave": ({"images": images}, lambda: {"filename_prefix": "a", "format": "png"}),
    "MultiEditScale": ({"image": images}, lambda: {"width": 12, "height": 20}),
    "MultiEditFit": ({"image": images}, lambda: {"fit": FIT, **FRAME}),
    "MultiEditFinish": (
        {"image": images, "base": images, "mask": masks},
        lambda: {"width": 8, "height": 8, "fit": ReferenceFit((16, 16), (8, 8)).to_dict(), **FRAME},
    ),
    "MultiEditReference": ({"image": images}, lambda: {"loaded_model": loaded(), "fit": FIT, **FRAME}),
    "MultiEditMaskedLatent": (
        {"image": images, "mask": masks},
        lambda: {"loaded_model": loaded(), "batch_size": 2, "fit": FIT, **FRAME},
    ),
}  # fmt: skip


def is_ours(kind: str) -> bool:
    """Whether the full name of an exception's class is of our tree."""
    found = getattr(errors, kind.rpartition(".")[2], None)
    return kind.startswith(errors.__name__) and issubclass(found or object, errors.MultiEditError)


def outcome(graph: Any, name: str, inputs: dict[str, Any]) -> list[Any]:
    """A node's results; none where it refuses its inputs."""
    try:
        return graph.run(name, **inputs)
    except graph.Failed as error:
        if is_ours(error.kind):
            return []
        raise


@pytest.mark.parametrize("name", NODES)
def test_a_tensor_gives_a_result_or_an_error_of_the_tree(graph: Any, name: str) -> None:
    """Each example runs in ComfyUI's executor, which takes most of the time; Safe Mode classifies it."""
    tensors, others = NODES[name]

    @given(data=st.data())
    @settings(max_examples=15 if name == "MultiEditSafeMode" else 60, deadline=None)
    def check(data: st.DataObject) -> None:
        with other_device() as device:
            drawn = {
                key.rstrip("?"): data.draw(kind((CPU, CPU, device)), label=key)
                for key, kind in tensors.items()
                if not key.endswith("?") or data.draw(st.booleans())
            }
            results = outcome(graph, name, {**drawn, **others()})
        pixels = [result for result in results if isinstance(result, torch.Tensor)]
        assert all(result.dtype == torch.float32 and 0 not in result.shape for result in pixels)

    check()
