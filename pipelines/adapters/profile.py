"""One profile: how a published checkpoint is loaded and sampled, as data. profiles.json holds them all.

A profile is a checkpoint and a way to run it: the same weights with a step LoRA are a second profile of
the same model. Several profiles of one model are ordered, the one that `auto` prefers first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Family = Literal["qwen-edit", "flux2", "mage-flow", "qwen-image-21", "flux3"]
PartName = Literal["diffusion_model", "text_encoder", "vae", "checkpoint", "lora"]


@dataclass(frozen=True)
class Weights:
    """One published file of a part.

    Attributes:
        pattern: of the file's own name, as `fnmatch` has it, upper and lower case alike.
        gigabytes: of memory that it takes, 10^9 bytes; for the choice by the card's memory.
        source: where it is from: the repository at huggingface.co and the file in it.
    """

    pattern: str
    gigabytes: float
    repository: str
    file: str

    @property
    def url(self) -> str:
        return f"https://huggingface.co/{self.repository}/resolve/main/{self.file}"


@dataclass(frozen=True)
class Part:
    """One thing to load, and the files it may come from.

    Attributes:
        folder: ComfyUI's name of the folder with such files.
        files: by preference, the most exact first.
        signature: ends of tensor names that every file of this architecture has.
        forbidden: ends of tensor names that tell another architecture, or another version.
    """

    folder: str
    files: tuple[Weights, ...]
    signature: tuple[str, ...]
    forbidden: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpeedOption:
    """Something that makes sampling faster: whether a profile uses it by itself, and why."""

    on: bool
    reason: str


@dataclass(frozen=True)
class Profile:
    """How one checkpoint is loaded and sampled.

    Attributes:
        model: its id in the catalogue.
        commercial: False where the licence forbids commercial use; said before use.
        parts: by name; `checkpoint` stands for diffusion_model, text_encoder and vae in one file.
        clip_type: what ComfyUI's text encoder loader calls the type.
        scheduler: a scheduler of ComfyUI, or `flux2` for the node Flux2Scheduler.
        guidance: distilled guidance (FLUX.2 dev), None for models without.
        shift: of ModelSamplingAuraFlow, None to leave the checkpoint's own.
        cfg_norm: strength of CFGNorm, None for none.
        reference_method: of the reference latents, None to leave the checkpoint's own.
        reference_pixels: area to which a reference is scaled before the VAE encodes it.
        vision_pixels: area of the copy that the text encoder sees; None where it sees no pictures.
        vision_side: bound on the longer side of that copy; None where the area bounds it.
        grid: both sides of what is sampled are multiples of this many pixels.
        native_pixels: the area that the model was trained for.
        max_pixels: the largest area that is sampled; a larger result is fitted from it.
        max_images: base and references.
        nodes: names of ComfyUI's nodes that the graph needs; where one is missing ComfyUI is too old.
        minimum_comfyui: the first version that has them, for the message.
    """

    id: str
    name: str
    model: str
    family: Family
    licence: str
    licence_url: str
    commercial: bool
    parts: Mapping[PartName, Part]
    clip_type: str
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    max_images: int
    grid: int = 16
    native_pixels: int = 1024 * 1024
    max_pixels: int = 1024 * 1024
    reference_pixels: int = 1024 * 1024
    vision_pixels: int | None = None
    vision_side: int | None = None
    guidance: float | None = None
    shift: float | None = None
    cfg_norm: float | None = None
    reference_method: str | None = None
    kv_cache: SpeedOption = field(default_factory=lambda: SpeedOption(False, "not known to work"))
    easy_cache: SpeedOption = field(default_factory=lambda: SpeedOption(False, "not known to work"))
    nodes: tuple[str, ...] = ()
    minimum_comfyui: str = "0.31.0"

    @property
    def guided(self) -> bool:
        """Whether classifier-free guidance needs a negative branch."""
        return self.cfg != 1.0
