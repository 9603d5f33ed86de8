"""The request: the contract's fields and our own extras, checked against the limits.

The first block of fields is the contract's, with its names, types and defaults; `multiedit` is
ours. What depends on the model (ratios, tiers, prompt length) is checked in the plan, once the model is
known. docs/request.md has the same table for users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, get_args

from ..common.errors import InvalidRequest
from ..common.settings import LARGEST_SEED, Limits
from ..common.types import Size
from ..common.validation import (
    boolean,
    choice,
    describe,
    integer,
    invalid_value,
    join_path,
    known_fields,
    mapping,
    text,
)
from ..layers.extension import Extend, read_extend
from ..layers.placement import Placement, read_placement
from ..sources.source import BytesSource, FileSource, ImageSource, TextSource, UploadSource
from .mask_options import MASK_READERS, MaskOptions
from .model_options import ModelOptions, Reader, option_readers

Role = Literal["base", "overlay", "mask", "reference"]
OutputFormat = Literal["jpeg", "png", "webp"]
ROLES: tuple[Role, ...] = get_args(Role)
OUTPUT_FORMATS: dict[str, OutputFormat] = {"jpeg": "jpeg", "jpg": "jpeg", "png": "png", "webp": "webp"}
QUALITIES = ("low", "medium", "high")
_LONGEST_WORD = 10  # the contract's bound on `resolution`; no aspect ratio is longer
LONGEST_ID = 100


@dataclass(frozen=True)
class Extras:
    """The object `multiedit` of a request. Keys of `roles` and `placement` are 1-based image numbers.

    Its `images` are among those of the request; its options are flat in JSON.

    Attributes:
        mask_options: of the fields that begin with `mask_`.
        options: of a generative model.
    """

    seed: int | None = None
    roles: Mapping[int, Role] = field(default_factory=dict)
    placement: Mapping[int, Placement] = field(default_factory=dict)
    keep_size: bool = False
    snap_ratio: bool = False
    extend: Extend | None = None
    mask_options: MaskOptions = MaskOptions()  # noqa: RUF009  # frozen
    options: ModelOptions = ModelOptions()  # noqa: RUF009  # frozen


@dataclass(frozen=True)
class EditRequest:
    """A request whose every field is of its type and in its range. None means "not given".

    Attributes:
        size: in pixels; the result comes as near to it as the model can. Only OpenAI's route has it, in place
            of `aspect_ratio` and `resolution`.
    """

    prompt: str
    images: tuple[ImageSource, ...]
    model_id: str | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    output_format: OutputFormat | None = None
    quality: str | None = None
    safe_mode: bool = True
    multiedit: Extras = field(default_factory=Extras)
    size: Size | None = None


def parse_request(fields: object, limits: Limits) -> EditRequest:
    """Check a request.

    Args:
        fields: the parsed JSON object, or the same made by another entry point; `images` may hold strings
            (base64, data URL or URL) and `ImageSource`s.
        limits: bounds on the prompt and on the number of images.

    Raises:
        InvalidRequest: the first problem, with its field: unknown names before values, values in the
            order of docs/request.md.
    """
    readers = request_readers(limits)
    given = known_fields(fields, "", (*readers, "multiedit"))
    for name in ("prompt", "images"):
        if name not in given:
            raise InvalidRequest(f"{name} is missing; every request needs it.", field=name)
    values = _read(given, "", readers)
    if "multiedit" in given:
        values |= _read_extras(given["multiedit"], values["images"], limits)
    return EditRequest(model_id=values.pop("modelId", None), **values)


def _read_extras(value: object, images: tuple[ImageSource, ...], limits: Limits) -> dict[str, Any]:
    """The object `multiedit`, and all images of the request."""
    options = option_readers(limits)
    names = ("images", *extras_readers(1), *options)
    own = known_fields(value, "multiedit", names)
    for name in options:
        if name in own and not limits.model_options:
            raise InvalidRequest(
                f"multiedit.{name} is switched off on this server (MULTIEDIT_MODEL_OPTIONS). Leave it out.",
                field=f"multiedit.{name}",
            )
    more = _read(own, "multiedit", {"images": partial(read_more_images, images=len(images), limits=limits)})
    images = (*images, *more.get("images", ()))
    extras = _extras(_read(own, "multiedit", extras_readers(len(images))))
    chosen = ModelOptions(**_read(own, "multiedit", options))
    return {"images": images, "multiedit": replace(extras, options=chosen)}


def request_readers(limits: Limits) -> dict[str, Reader]:
    """Return what reads each field of a request but `multiedit`; the schema is made of the same."""
    return {
        "prompt": partial(
            text, longest=limits.max_prompt_characters, setting="MULTIEDIT_MAX_PROMPT_CHARACTERS"
        ),
        "images": partial(read_images, limits=limits),
        "modelId": read_model_id,
        "aspect_ratio": partial(text, longest=_LONGEST_WORD),
        "resolution": partial(text, longest=_LONGEST_WORD),
        "output_format": read_format,
        "quality": partial(choice, options=QUALITIES),
        "safe_mode": boolean,
    }


def extras_readers(images: int) -> dict[str, Reader]:
    """Return what reads each field of `multiedit`, for a request of so many images."""
    return {
        "seed": partial(integer, low=0, high=LARGEST_SEED),
        "roles": partial(read_by_image, images=images, read=partial(choice, options=ROLES)),
        "placement": partial(read_by_image, images=images, read=read_placement),
        "keep_size": boolean,
        "snap_ratio": boolean,
        "extend": read_extend,
        **MASK_READERS,
    }


def _extras(values: Mapping[str, Any]) -> Extras:
    plain = {name: value for name, value in values.items() if name not in MASK_READERS}
    return Extras(**plain, mask_options=MaskOptions.from_fields(values))


def _read(given: Mapping[str, object], path: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    return {name: read(given[name], join_path(path, name)) for name, read in readers.items() if name in given}


def read_model_id(value: object, path: str) -> str | None:
    """A model's id; None for empty text, which is what many clients send for the default."""
    return None if value == "" else text(value, path, longest=LONGEST_ID)


def read_images(value: object, path: str, *, limits: Limits) -> tuple[ImageSource, ...]:
    """1 to `limits.max_images` images, as text or as sources."""
    if not isinstance(value, (list, tuple)) or not value:
        raise invalid_value(path, value, f"a list of 1 to {limits.max_images} images")
    if len(value) > limits.max_images:
        raise InvalidRequest(
            f"{path} has {len(value)} images; the limit is {limits.max_images}. Send fewer. "
            "MULTIEDIT_MAX_IMAGES sets the limit.",
            field=path,
        )
    return tuple(_image(item, join_path(path, str(n))) for n, item in enumerate(value, start=1))


def read_more_images(value: object, path: str, *, images: int, limits: Limits) -> tuple[ImageSource, ...]:
    """Images beyond those of `images`, of which there are so many; they are numbered on."""
    most = limits.max_all_images - images
    if not isinstance(value, (list, tuple)) or not value:
        raise invalid_value(path, value, "a list of images")
    if len(value) > most:
        raise InvalidRequest(
            f"{path} has {len(value)} images beside {images} in images; the limit of both is "
            f"{limits.max_all_images}. Send fewer. MULTIEDIT_MAX_ALL_IMAGES sets the limit.",
            field=path,
        )
    return tuple(_image(item, join_path(path, str(n))) for n, item in enumerate(value, start=1))


def _image(value: object, path: str) -> ImageSource:
    if isinstance(value, str):
        return TextSource(value)
    if isinstance(value, (FileSource, TextSource, BytesSource, UploadSource)):
        return value
    raise invalid_value(path, value, "base64 text, a data URL or an http(s) URL")


def read_format(value: object, path: str) -> OutputFormat:
    """One of `OUTPUT_FORMATS`; `jpg` is `jpeg`."""
    return OUTPUT_FORMATS[choice(value, path, options=OUTPUT_FORMATS)]


def read_by_image(value: object, path: str, *, images: int, read: Reader) -> dict[int, Any]:
    """An object whose keys are image numbers as text: {"2": ...}."""
    numbers = {str(n): n for n in range(1, images + 1)}
    given = mapping(value, path)
    for key in given:
        if key not in numbers:
            raise InvalidRequest(
                f"{path} has the key {describe(key)}; it must be an image number, {' or '.join(numbers)}: "
                f"the request has {images} image{'s' * (images > 1)}.",
                field=path,
            )
    return {numbers[key]: read(given[key], join_path(path, key)) for key in numbers if key in given}
