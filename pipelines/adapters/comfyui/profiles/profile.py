"""One profile: how a published checkpoint is loaded and sampled, as data. profiles.json holds them all.

A profile is a checkpoint and a way to run it: the same weights with a step LoRA are a second profile of
the same model. Several profiles of one model are ordered, the one that `auto` prefers first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .file_name import named_quantisation, own_name, squeezed

PartName = Literal["diffusion_model", "text_encoder", "text_encoder_2", "vae", "checkpoint", "lora"]

# ComfyUI's folder with the files of each part.
PART_FOLDERS: dict[PartName, str] = {
    "checkpoint": "checkpoints",
    "diffusion_model": "diffusion_models",
    "text_encoder": "text_encoders",
    "text_encoder_2": "text_encoders",
    "vae": "vae",
    "lora": "loras",
}
_WHOLE: tuple[set[PartName], ...] = (
    {"checkpoint"},
    {"diffusion_model", "text_encoder", "vae"},
    {"diffusion_model", "text_encoder", "text_encoder_2", "vae"},
)


@dataclass(frozen=True)
class WeightsFile:
    """One published file of a part.

    Attributes:
        gigabytes: of memory that it takes, 10^9 bytes; for the choice by the card's memory.
        repository: at huggingface.co, where it is from.
        file: its path in there.
    """

    gigabytes: float
    repository: str
    file: str

    @property
    def name(self) -> str:
        """The file's own name, under which it is published."""
        return self.file.rsplit("/", 1)[-1]

    @property
    def url(self) -> str:
        return self.url_at("https://huggingface.co")

    def url_at(self, endpoint: str) -> str:
        """The address of the file at a hub, or at a mirror of it."""
        return f"{endpoint}/{self.repository}/resolve/main/{self.file}"


@dataclass(frozen=True)
class Width:
    """The side of one tensor that tells the sizes of an architecture apart.

    Attributes:
        own: in files of this size.
        others: in files of other sizes; any further number tells nothing.
    """

    tensor: str
    axis: int
    own: int
    others: tuple[int, ...]


@dataclass(frozen=True)
class ModelPart:
    """One thing to load, and the files it may come from.

    Attributes:
        folder: ComfyUI's name of the folder with such files.
        files: as published, by preference, the most exact first.
        names: patterns of names (see `file_name`) that tell the part where nothing else does.
        hints: patterns that suffice where the header has the architecture, and the size if there are several.
        other_words: what is in the names of other variants, with which the part is not to be confused.
        signature: ends of tensor names that every file of this architecture has; whole words between
            dots, and `*` and `?` as in file names. Empty where they are not known.
        forbidden: ends of tensor names that tell another architecture, or another version.
        proof: ends of tensor names that tell the part whatever the file is called.
        width: what tells the sizes of the architecture apart; None where there is one only.
        merged_steps: 0 where no few-step LoRA may be merged into the weights, else for how many steps one
            must be; None where it does not matter.
    """

    folder: str
    files: tuple[WeightsFile, ...]
    names: tuple[str, ...]
    signature: tuple[str, ...]
    hints: tuple[str, ...] = ()
    other_words: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    width: Width | None = None
    merged_steps: int | None = None

    def published_like(self, name: str) -> WeightsFile | None:
        """The published file of a name, else of the quantisation that it tells, else the first."""
        wanted = named_quantisation(name)[:3]
        same = [file for file in self.files if squeezed(own_name(file.name)) == squeezed(own_name(name))]
        same += [file for file in self.files if named_quantisation(file.name)[:3] == wanted]
        return next(iter((*same, *self.files)), None)


@dataclass(frozen=True)
class SpeedOption:
    """Something that makes sampling faster: whether a profile uses it by itself, and why."""

    on: bool
    reason: str


@dataclass(frozen=True)
class Profile:
    """The loading and sampling of one checkpoint.

    Attributes:
        model: its id in the catalogue.
        family: its name in `families`.
        commercial: False where the licence forbids commercial use; said before use.
        parts: by name; `checkpoint` stands for diffusion_model, text_encoder and vae in one file,
            `text_encoder_2` for the smaller of two text encoders.
        clip_type: what ComfyUI's text encoder loader calls the type.
        tokenizer: ComfyUI's class of it for that type and text encoder, by which a text encoder that is
            loaded already is known; "" where no ComfyUI that could be had has it.
        scheduler: a scheduler of ComfyUI, or `flux2` for the node Flux2Scheduler.
        sigmas: of the node ManualSigmas, one more than the steps; they replace the scheduler. Empty for none.
        guidance: distilled guidance (FLUX.1, FLUX.2 dev), None for models without.
        shift: of ModelSamplingAuraFlow, None to leave the checkpoint's own.
        denoise: share of the noise; below 1 sampling starts from image 1.
        negative_prompt: of the negative branch, where there is guidance.
        cfg_norm: strength of CFGNorm, None for none.
        reference_method: of the reference latents, None to leave the checkpoint's own.
        reference_pixels: area to which a reference is scaled before the VAE encodes it; a model that
            encodes references at the size of the result (mage-flow) does not ask.
        references_follow: references grow with the area that is sampled (see `reference_area`).
        grid: both sides of what is sampled are multiples of this many pixels.
        cell: side in pixels of what a mask frees as a whole: one token of the model.
        native_pixels: the area that the model was trained for.
        max_pixels: the largest area that is sampled; a larger result is fitted from it.
        max_images: base and references.
        image_channels: of what the VAE encodes and decodes; None where no ComfyUI that could be had has it.
        nodes: names of ComfyUI's nodes that the graph needs; where one is missing ComfyUI is too old.
        minimum_comfyui: the first version that has them, for the message.
        experimental: no ComfyUI that could be had here runs it, so that its graph never ran.

    Raises:
        ValueError: the profile contradicts itself.
    """

    id: str
    name: str
    model: str
    family: str
    licence: str
    licence_url: str
    commercial: bool
    parts: Mapping[PartName, ModelPart]
    clip_type: str
    steps: int
    cfg: float
    sampler: str
    scheduler: str
    max_images: int
    tokenizer: str = ""
    sigmas: tuple[float, ...] = ()
    grid: int = 16
    cell: int = 16
    native_pixels: int = 1024 * 1024
    max_pixels: int = 1024 * 1024
    reference_pixels: int = 1024 * 1024
    references_follow: bool = False
    image_channels: int | None = 3
    guidance: float | None = None
    shift: float | None = None
    denoise: float = 1.0
    negative_prompt: str = ""
    cfg_norm: float | None = None
    reference_method: str | None = None
    kv_cache: SpeedOption = field(default_factory=lambda: SpeedOption(False, "not known to work"))
    easy_cache: SpeedOption = field(default_factory=lambda: SpeedOption(False, "not known to work"))
    nodes: tuple[str, ...] = ()
    minimum_comfyui: str = "0.31.0"
    experimental: bool = False

    def __post_init__(self) -> None:
        rules = {
            "its parts do not make a whole model": set(self.parts) - {"lora"} in _WHOLE,
            "a part is in another folder than ComfyUI's": all(
                part.folder == PART_FOLDERS[name] for name, part in self.parts.items()
            ),
            "a part has no files": all(part.files or part.merged_steps for part in self.parts.values()),
            "it has no steps": self.steps > 0,
            "its sigmas are not one more than its steps": len(self.sigmas) in (0, self.steps + 1),
            "its grid has cells in part": self.grid % self.cell == 0,
            "its native area is larger than its largest": self.native_pixels <= self.max_pixels,
            "the branches of guidance would share a key-value cache": not (self.guided and self.kv_cache.on),
        }
        for problem, kept in rules.items():
            if not kept:
                raise ValueError(f"profile {self.id}: {problem}")

    @property
    def guided(self) -> bool:
        """Return whether classifier-free guidance needs a negative branch."""
        return self.cfg != 1.0
