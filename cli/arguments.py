"""Arguments that several commands share, and what they become for the pipelines."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidImage, InvalidRequest
from ..pipelines.common.validation import describe, integer

if TYPE_CHECKING:
    from ..pipelines.common.settings import Limits
    from ..pipelines.safety.settings import SafetySettings
    from ..pipelines.sources.source import Fetch, ImageSource, SourceLoader

STANDARD_STREAM = "-"
_WHOLE = re.compile("[+-]?[0-9]{1,40}")


def add_command(
    subparsers: Any, name: str, run: Callable[[argparse.Namespace], None], summary: str
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(name, help=summary, description=summary)
    parser.set_defaults(command=run)
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    return parser


def whole_number(option: str) -> Callable[[str], int]:
    """Return what reads the value of an option as a whole number, for argparse's `type`."""

    def read(text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise InvalidRequest(f"{option} is {describe(text)}; it must be a whole number, such as 42.")
        return int(text)

    return read


def decimal_number(option: str) -> Callable[[str], float]:
    """Return what reads the value of an option as a number, for argparse's `type`."""

    def read(text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise InvalidRequest(f"{option} is {describe(text)}; it must be a number, such as 0.5.") from None

    return read


def add_output_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-o", "--output", metavar="OUT", help="the file to write; - is standard output")
    add("--output-format", metavar="FORMAT", help="png, jpeg or webp; default: by OUT's ending")
    add("--no-safe-mode", action="store_true", help="do not check the result for adult content")
    add_safety_options(parser)
    quality = whole_number("--file-quality")
    add("--file-quality", type=quality, metavar="1-100", help="of a jpeg or lossy webp file")
    add("--lossless", action="store_true", help="write webp without loss")
    add("--matte", metavar="#RRGGBB", help="what shows through transparency in a jpeg; default #ffffff")


def add_safety_options(parser: argparse.ArgumentParser) -> None:
    """Safe mode's settings; what is not given is the environment's, see docs/safety.md."""
    add = parser.add_argument
    listed = "of safe mode, see `multiedit safety list`; given twice, either may flag"
    add("--classifier", action="append", metavar="NAME", help=listed)
    add("--preset", metavar="NAME", help="of safe mode: strict, default or loose")
    add("--tiles", action="store_true", default=None, help="check images over 2 MP in quarters as well")


def safety_settings(options: argparse.Namespace) -> SafetySettings:
    """The environment's settings, overridden by the options that were given."""
    from ..pipelines.safety.settings import SafetySettings

    settings = SafetySettings.from_environment()
    names = ("preset", "threshold", "tiles", "inputs")
    given = {name: value for name in names if (value := getattr(options, name, None)) is not None}
    classifiers = tuple(options.classifier) if options.classifier else settings.classifiers
    return replace(settings, classifiers=classifiers, policy=replace(settings.policy, **given))


def output_format(options: argparse.Namespace) -> str | None:
    """The format of --output-format, else of the ending of OUT; None where there is neither."""
    from ..pipelines.planning.request import OUTPUT_FORMATS

    ending = Path(options.output or "").suffix.lower().removeprefix(".")
    if options.output_format or not ending:
        return options.output_format  # type: ignore[no-any-return]
    if ending not in OUTPUT_FORMATS:
        raise InvalidRequest(
            f"-o is {describe(options.output)}, and {describe(ending)} is not an output format: "
            f"{', '.join(OUTPUT_FORMATS)}. Name another file, or pass --output-format.",
            field="output_format",
        )
    return ending


def encode_options(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of `EncodeOptions` besides the format."""
    fields: dict[str, Any] = {"lossless": options.lossless}
    if options.file_quality is not None:
        fields["quality"] = integer(options.file_quality, "--file-quality", low=1, high=100)
    if options.matte is not None:
        from ..pipelines.layers.document_file import read_colour

        fields["background"] = read_colour(options.matte, "--matte")
    return fields


def unused_options(options: argparse.Namespace, media_type: str) -> Iterator[str]:
    """Yield a note for each option about the file that has no effect on one of its type."""
    kind = media_type.removeprefix("image/")
    lossless = kind == "png" or (kind == "webp" and options.lossless)
    if options.file_quality is not None and lossless:
        yield f"--file-quality has no effect: a {kind} is written without loss."
    if options.lossless and kind != "webp":
        reason = "a png always is" if kind == "png" else f"a {kind} cannot be"
        yield f"--lossless has no effect: {reason}."
    if options.matte is not None and kind != "jpeg":
        yield f"--matte has no effect: a {kind} keeps its transparency."


def image_source(argument: str, limits: Limits, name: str) -> ImageSource:
    """The source of FILE|URL|-, called `name` in messages; standard input is read here."""
    from ..pipelines.sources.local import local_source
    from ..pipelines.sources.source import BytesSource

    if argument == STANDARD_STREAM:
        if sys.stdin is None:
            raise InvalidImage("Standard input is closed. Send the image there, or name a file.")
        return BytesSource(sys.stdin.buffer.read(limits.max_file_bytes))
    return local_source(argument, name)


def source_loader(limits: Limits) -> SourceLoader:
    """Load image sources, URLs through the guarded fetcher."""
    from ..pipelines.sources.source import SourceLoader

    return SourceLoader(limits, image_fetch(limits))


def image_fetch(limits: Limits) -> Fetch:
    """The guarded fetcher, which is imported when the first URL is fetched."""

    async def fetch(url: str, name: str) -> bytes:
        from ..pipelines.sources.fetch import ImageFetcher

        return await ImageFetcher(limits).fetch(url, name)

    return fetch
