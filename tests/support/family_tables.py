"""The one table of the model families: their models in the catalogue, and how each profile samples.

A new family adds its rows here; the tests of the catalogue, the profiles and the templates read them, and
those that edit by tiny weights in a real ComfyUI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

K2 = ("1K", "2K")
K4 = ("1K", "2K", "4K")

# Open models that run here only. id: licence, ratios' grid, tiers, images, largest area
OURS = {
    "qwen-edit-2509": ("Apache-2.0", 32, (), 3, 67108864),
    "firered-image-edit-1.0": ("Apache-2.0", 32, (), 3, 67108864),
    "flux-2-klein-4b-edit": ("Apache-2.0", 16, K2, 4, 4194304),
    "flux-2-klein-4b-base-edit": ("Apache-2.0", 16, K2, 4, 4194304),
    "flux-2-klein-9b-edit": ("FLUX Non-Commercial License", 16, K2, 4, 4194304),
    "flux-2-klein-9b-base-edit": ("FLUX Non-Commercial License", 16, K2, 4, 4194304),
    "flux-2-klein-9b-kv-edit": ("FLUX Non-Commercial License", 16, K2, 4, 4194304),
    "flux-2-dev-edit": ("FLUX Non-Commercial License", 16, K2, 6, 4194304),
    "mage-flow-edit": ("MIT", 16, (), 3, 4194304),
    "mage-flow-turbo-edit": ("MIT", 16, (), 3, 4194304),
    "qwen-image-2.1-edit": ("Qwen Research License", 32, K2, 10, 4194304),
    "qwen-image-2.1-turbo-edit": ("Qwen Research License", 32, K2, 10, 4194304),
    "flux-3-klein-edit": ("FLUX Kommunity License", 16, K4, 10, 16777216),
    "flux-3-klein-base-edit": ("FLUX Kommunity License", 16, K4, 10, 16777216),
    "qwen-image-edit": ("Apache-2.0", 32, (), 1, 67108864),
    "longcat-image-edit": ("Apache-2.0", 16, (), 1, 67108864),
    "boogu-image-edit": ("Apache-2.0", 16, K2, 1, 4194304),
    "flux-1-kontext-dev-edit": ("FLUX.1 dev Non-Commercial License", 16, (), 2, 67108864),
    "flux-1-fill-dev": ("FLUX.1 dev Non-Commercial License", 16, (), 1, 67108864),
}

# id: model, steps, cfg, sampler, scheduler, shift, CFGNorm, guidance, reference method, LoRA
EULER, FLUX2 = ("euler", "simple"), ("euler", "flux2")
ZERO = "index_timestep_zero"
SETTINGS = {
    "qwen-edit-2511-lightning-4": ("qwen-edit", 4, 1, *EULER, 3.1, 1, None, ZERO, True),
    "qwen-edit-2511-merged-4": ("qwen-edit", 4, 1, *EULER, 3.1, 1, None, ZERO, False),
    "qwen-edit-2511-lightning-8": ("qwen-edit", 8, 1, *EULER, 3.1, 1, None, ZERO, True),
    "qwen-edit-2511-merged-8": ("qwen-edit", 8, 1, *EULER, 3.1, 1, None, ZERO, False),
    "qwen-edit-2511-full": ("qwen-edit", 40, 4, *EULER, 3.1, 1, None, ZERO, False),
    "qwen-edit-2509-lightning-4": ("qwen-edit-2509", 4, 1, *EULER, 3, 1, None, None, True),
    "qwen-edit-2509-merged-4": ("qwen-edit-2509", 4, 1, *EULER, 3, 1, None, None, False),
    "qwen-edit-2509-lightning-8": ("qwen-edit-2509", 8, 1, *EULER, 3, 1, None, None, True),
    "qwen-edit-2509-merged-8": ("qwen-edit-2509", 8, 1, *EULER, 3, 1, None, None, False),
    "qwen-edit-2509-full": ("qwen-edit-2509", 20, 4, *EULER, 3, 1, None, None, False),
    "firered-1.1-lightning-8": ("firered-image-edit", 8, 1, *EULER, 3.1, 1, None, None, True),
    "firered-1.1-merged-4": ("firered-image-edit", 4, 1, *EULER, 3.1, 1, None, None, False),
    "firered-1.1-merged-8": ("firered-image-edit", 8, 1, *EULER, 3.1, 1, None, None, False),
    "firered-1.1-full": ("firered-image-edit", 40, 4, *EULER, 3.1, 1, None, None, False),
    "firered-1.0-lightning-8": ("firered-image-edit-1.0", 8, 1, *EULER, 3.1, 1, None, None, True),
    "firered-1.0-merged-4": ("firered-image-edit-1.0", 4, 1, *EULER, 3.1, 1, None, None, False),
    "firered-1.0-merged-8": ("firered-image-edit-1.0", 8, 1, *EULER, 3.1, 1, None, None, False),
    "firered-1.0-full": ("firered-image-edit-1.0", 40, 4, *EULER, 3.1, 1, None, None, False),
    "qwen-rapid-aio": ("qwen-edit-uncensored", 4, 1, "sa_solver", "beta", None, None, None, None, False),
    "flux-2-klein-4b": ("flux-2-klein-4b-edit", 4, 1, *FLUX2, None, None, None, None, False),
    "flux-2-klein-base-4b": ("flux-2-klein-4b-base-edit", 20, 5, *FLUX2, None, None, None, None, False),
    "flux-2-klein-9b": ("flux-2-klein-9b-edit", 4, 1, *FLUX2, None, None, None, None, False),
    "flux-2-klein-base-9b": ("flux-2-klein-9b-base-edit", 20, 5, *FLUX2, None, None, None, None, False),
    "flux-2-klein-9b-kv": ("flux-2-klein-9b-kv-edit", 4, 1, *FLUX2, None, None, None, ZERO, False),
    "flux-2-dev-turbo": ("flux-2-dev-edit", 8, 1, *FLUX2, None, None, 4, None, True),
    "flux-2-dev-full": ("flux-2-dev-edit", 20, 1, *FLUX2, None, None, 4, None, False),
    "mage-flow-edit-turbo": ("mage-flow-turbo-edit", 4, 1, *EULER, None, None, None, None, False),
    "mage-flow-edit": ("mage-flow-edit", 30, 5, *EULER, None, None, None, None, False),
    "qwen-image-2.1-turbo": ("qwen-image-2.1-turbo-edit", 8, 1, *EULER, None, None, None, None, False),
    "qwen-image-2.1": ("qwen-image-2.1-edit", 25, 1, *EULER, None, None, None, None, False),
    "flux-3-klein": ("flux-3-klein-edit", 16, 1, *EULER, None, None, None, None, False),
    "flux-3-klein-base": ("flux-3-klein-base-edit", 50, 3.5, *EULER, None, None, None, None, False),
    "qwen-edit-first-lightning-4": ("qwen-image-edit", 4, 1, *EULER, 3, 1, None, None, True),
    "qwen-edit-first-lightning-8": ("qwen-image-edit", 8, 1, *EULER, 3, 1, None, None, True),
    "qwen-edit-first": ("qwen-image-edit", 20, 2.5, *EULER, 3, 1, None, None, False),
    "longcat-edit": ("longcat-image-edit", 50, 4.5, *EULER, None, None, 4.5, "index", False),
    "boogu-edit": ("boogu-image-edit", 25, 3.5, "dpmpp_2m", "simple", 3.16, None, None, None, False),
    "flux-kontext-dev": ("flux-1-kontext-dev-edit", 20, 1, *EULER, None, None, 2.5, None, False),
    "flux-fill-dev": ("flux-1-fill-dev", 20, 1, "euler", "normal", None, None, 30, None, False),
}
GATED = {
    "qwen-image-21": ({"TextEncodeQwenImage21", "QwenImage21Cache"}, "0.37.0"),
    "flux3": ({"ReferenceMultiLatent", "Flux3LayoutPrompt"}, "0.41.0"),
}


# What every family is tried with end to end, by tiny weights: tests/comfyui.
KINDS = ("one image", "two images", "three images", "mask", "extend", "LoRA", "two seeds", "parts")


@dataclass(frozen=True)
class Tried:
    """How a family is tried end to end.

    Attributes:
        model: one of the family's.
        lora: a file that fits it.
        not_tried: by kind, why it cannot be.
    """

    model: str
    lora: str = ""
    not_tried: Mapping[str, str] = field(default_factory=dict)


_ONE_IMAGE = dict.fromkeys(("two images", "three images"), "it takes one image")
_NO_EDIT = dict.fromkeys(("mask", "extend"), "it splits all of an image into layers, and edits nothing")
_TOO_NEW = dict.fromkeys(
    KINDS, "it needs nodes of a newer ComfyUI than any that could be had: test_upstream.py has their schemas"
)
TRIED = {
    "qwen-edit": Tried("qwen-edit", "Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16"),
    "flux2": Tried("flux-2-klein-4b-edit", "Flux_2-Turbo-LoRA_comfyui"),
    "mage-flow": Tried("mage-flow-turbo-edit", "mage_flow_style"),
    "qwen-image-21": Tried("qwen-image-2.1-edit", not_tried=_TOO_NEW),
    "flux3": Tried("flux-3-klein-edit", not_tried=_TOO_NEW),
    "qwen-edit-first": Tried(
        "qwen-image-edit", "Qwen-Image-Edit-2509-Lightning-8steps-V1.0-bf16", _ONE_IMAGE
    ),
    "flux-kontext": Tried("flux-1-kontext-dev-edit", "flux1_style", {"three images": "it takes two images"}),
    "flux-fill": Tried("flux-1-fill-dev", "flux1_style", _ONE_IMAGE),
    "longcat": Tried("longcat-image-edit", "longcat_style", _ONE_IMAGE),
    "boogu": Tried("boogu-image-edit", "boogu_style", _ONE_IMAGE),
    "qwen-layered": Tried(
        "qwen-image-layered", "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16", _ONE_IMAGE | _NO_EDIT
    ),
}


def tried(kind: str) -> dict[str, str]:
    """The models that are tried with a kind, and the LoRA of each."""
    rows = (row for row in TRIED.values() if kind not in row.not_tried)
    return {row.model: f"{row.lora}.safetensors" for row in rows}
