"""From the words of the command line to what the pipeline takes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidImage, InvalidRequest
from ..pipelines.common.validation import describe, integer

if TYPE_CHECKING:
    from ..pipelines.common.settings import Limits
    from ..pipelines.sources.source import ImageSource

STANDARD_STREAM = "-"
_IMAGE_SIZE = re.compile("([1-9][0-9]{0,8})[xX]([1-9][0-9]{0,8})")
_SYNTAX = {
    "--role": "N=ROLE, such as 2=mask",
    "--place": "N=NAME=VALUE,..., such as 2=scale=0.5,anchor=left",
}


def request_fields(options: argparse.Namespace, limits: Limits) -> dict[str, object]:
    """The fields of an edit, for `parse_request`; standard input is read here."""
    if options.image.count(STANDARD_STREAM) > 1:
        raise InvalidRequest("Standard input holds one picture; give - for one --image only.", field="images")
    placement = {
        number: {name: _scalar(value) for name, value in _named(fields.split(","), "--place").items()}
        for number, fields in _named(options.place, "--place").items()
    }
    extras: dict[str, object] = {
        "seed": options.seed,
        "roles": _named(options.role, "--role") or None,
        "placement": placement or None,
        "keep_size": options.keep_size or None,
    }
    fields: dict[str, object] = {
        "prompt": options.prompt,
        "modelId": options.model,
        "aspect_ratio": options.aspect_ratio,
        "resolution": options.resolution,
        "output_format": output_format(options),
        "quality": options.quality,
        "safe_mode": not options.no_safe_mode,
        "multiedit": _given(extras),
        "images": [image_source(image, limits) for image in options.image],
    }
    return _given(fields)


def _given(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _named(parts: Iterable[str], option: str) -> dict[str, str]:
    """NAME=VALUE parts by their names."""
    values: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals:
            raise InvalidRequest(f"{option} has {part!a}; it must be {_SYNTAX[option]}.")
        if name in values:
            raise InvalidRequest(f"{option} gives {name!a} twice; give it once, as {_SYNTAX[option]}.")
        values[name] = value
    return values


def _scalar(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def output_format(options: argparse.Namespace) -> str | None:
    """What --output-format says, else the ending of OUT; None where there is neither."""
    from ..pipelines.planning.request import OUTPUT_FORMATS

    ending = Path(options.output or "").suffix.lower().removeprefix(".")
    if options.output_format or not ending:
        return options.output_format  # type: ignore[no-any-return]
    if ending not in OUTPUT_FORMATS:
        raise InvalidRequest(
            f"-o is {options.output!a}, and {ending!a} is no format that can be written: "
            f"{', '.join(OUTPUT_FORMATS)}. Name another file, or give --output-format.",
            field="output_format",
        )
    return ending


def image_source(argument: str, limits: Limits) -> ImageSource:
    from ..pipelines.sources.source import BytesSource, FileSource, TextSource

    if argument == STANDARD_STREAM:
        if sys.stdin is None:
            raise InvalidImage("Standard input is closed. Send the picture there, or name a file.")
        return BytesSource(sys.stdin.buffer.read(limits.max_file_bytes))
    if argument.lower().startswith(("http://", "https://", "data:")):
        return TextSource(argument)
    return FileSource(argument)


def encode_options(options: argparse.Namespace) -> dict[str, Any]:
    """Fields of `EncodeOptions` besides the format."""
    chosen: dict[str, Any] = {"lossless": options.lossless}
    if options.file_quality is not None:
        chosen["quality"] = integer(options.file_quality, "--file-quality", low=1, high=100)
    if options.matte is not None:
        from ..pipelines.layers.document_file import read_colour

        chosen["background"] = read_colour(options.matte, "--matte")
    return chosen


def image_size(text: str | None) -> tuple[int, int] | None:
    """WIDTHxHEIGHT in pixels."""
    if text is None:
        return None
    sides = _IMAGE_SIZE.fullmatch(text)
    if sides is None:
        raise InvalidRequest(
            f"--image-size is {describe(text)}; it must be WIDTHxHEIGHT in pixels, such as 4000x3000."
        )
    return int(sides[1]), int(sides[2])
