"""What a request may set of a generative model beside the contract's fields; parts of `multiedit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any, Literal

from ..common.errors import InvalidRequest
from ..common.settings import Limits
from ..common.validation import choice, integer, invalid_value, join_path, known_fields, number, text

Reader = Callable[[object, str], Any]
"""(value, its path in the request) to what is read of it."""
Switch = Literal["auto", "on", "off"]
SWITCH: tuple[Switch, ...] = ("auto", "on", "off")
LARGEST_CFG = 100.0
LARGEST_STRENGTH = 10.0  # of a LoRA, either way
MEGAPIXEL = 1024 * 1024  # pixels
LARGEST_MEGAPIXELS = 4.0
SMALLEST_MEGAPIXELS = 0.001
MOST_LORAS = 8
FITS_IN_PART = "fits in part"
"""In the note about a LoRA of which some tensors are not used."""
_LONGEST_NAME = 200
LORA_READERS: dict[str, Reader] = {
    "name": partial(text, longest=_LONGEST_NAME),
    "strength": partial(number, low=-LARGEST_STRENGTH, high=LARGEST_STRENGTH),
}


@dataclass(frozen=True)
class LoraChoice:
    """A LoRA of the user's own: its name among ComfyUI's files, and its strength, 1 being as trained."""

    name: str
    strength: float = 1.0


@dataclass(frozen=True)
class ModelOptions:
    """Options of a generative model; None and no LoRAs leave what the profile has.

    Attributes:
        profile: its id; None takes the first whose files are there.
        steps, cfg, negative_prompt: in place of the profile's own.
        loras: in the order in which they are added.
        batch_size: results of one run.
        crop_and_stitch: whether only the part around a mask is edited.
        sampling_megapixels: area that is sampled, of 1024 x 1024 pixels.
    """

    profile: str | None = None
    steps: int | None = None
    cfg: float | None = None
    negative_prompt: str | None = None
    loras: tuple[LoraChoice, ...] = ()
    batch_size: int = 1
    crop_and_stitch: Switch = "auto"
    sampling_megapixels: float | None = None

    @property
    def given(self) -> dict[str, object]:
        """The options that differ from the defaults, as JSON takes them."""
        default = ModelOptions()
        values = asdict(self)
        return {name: values[name] for name in NAMES if getattr(self, name) != getattr(default, name)}


NAMES = tuple(field.name for field in fields(ModelOptions))


def option_readers(limits: Limits) -> dict[str, Reader]:
    """Return what reads each option of a request."""
    return {
        "profile": partial(text, longest=_LONGEST_NAME),
        "steps": partial(integer, low=1, high=limits.max_steps, setting="MULTIEDIT_MAX_STEPS"),
        "cfg": partial(number, low=0.0, high=LARGEST_CFG),
        "negative_prompt": partial(
            text, longest=limits.max_prompt_characters, setting="MULTIEDIT_MAX_PROMPT_CHARACTERS"
        ),
        "loras": partial(read_loras, most=MOST_LORAS),
        "batch_size": partial(integer, low=1, high=limits.max_batch_size, setting="MULTIEDIT_MAX_BATCH_SIZE"),
        "crop_and_stitch": partial(choice, options=SWITCH),
        "sampling_megapixels": partial(number, low=SMALLEST_MEGAPIXELS, high=LARGEST_MEGAPIXELS),
    }


def read_loras(value: object, path: str, *, most: int) -> tuple[LoraChoice, ...]:
    """1 to `most` objects with the name of a LoRA and, unless it is 1, its strength."""
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise invalid_value(path, value, f"a list of 1 to {most} objects with name and strength")
    return tuple(_lora(item, join_path(path, str(place))) for place, item in enumerate(value, start=1))


def _lora(value: object, path: str) -> LoraChoice:
    given = known_fields(value, path, LORA_READERS)
    if "name" not in given:
        raise InvalidRequest(f"{path}.name is missing; every LoRA needs it.", field=path)
    return LoraChoice(**{name: LORA_READERS[name](given[name], join_path(path, name)) for name in given})


def dropped_notes(options: ModelOptions, model_id: str) -> Iterator[str]:
    """Say which options a model has no use for."""
    for name in options.given:
        yield f"multiedit.{name} has no effect: {model_id} is not sampled on a ComfyUI."
