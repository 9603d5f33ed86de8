"""What each command of the shell face does.

Torch and everything that computes is imported by the command that needs it, so that `--help` and a typing
mistake answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .pipelines.errors import InvalidRequest, OutputError

if TYPE_CHECKING:
    from .pipelines.edit import Editor, Stage
    from .pipelines.finish import Finished
    from .pipelines.limits import Limits
    from .pipelines.sources.source import ImageSource, SourceLoader

STANDARD_STREAM = "-"
_FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
# Where each stage of an edit begins and ends on the progress bar, in percent.
_STAGES = {"load": (0, 20), "edit": (20, 70), "check": (70, 85), "encode": (85, 100)}


def print_json(value: object) -> None:
    print(json.dumps(value, indent=2))


def edit(options: argparse.Namespace) -> None:
    import asyncio

    from .pipelines.limits import Limits
    from .pipelines.request import parse_request

    limits = Limits.from_environment()
    if not options.explain:
        _require_output(options)
    request = parse_request(_request_fields(options, limits), limits)
    editor = _editor(limits)
    if options.explain:
        plan = asyncio.run(editor.plan(request))
        print_json(plan.to_dict())
        return
    with _progress_bar(options) as stage:
        result = asyncio.run(editor.edit(request, _encode_options(options), stage=stage))
    plan = result.plan
    summary = f"{plan.width}x{plan.height} {plan.output_format}, {plan.model}"
    _hand_over(options, result.file, [summary, *plan.notes], result.to_dict())


def _hand_over(
    options: argparse.Namespace, file: Finished, about: Sequence[str], details: dict[str, Any]
) -> None:
    """Write the file, then tell what was done: to a person on standard error, or as JSON."""
    from .pipelines.images.encode import write_atomically

    if options.output == STANDARD_STREAM:
        sys.stdout.buffer.write(file.data)
    else:
        write_atomically(Path(options.output), file.data)
    if options.json:
        print_json({"output": options.output, **details})
        return
    lost = [f"no room in the file for: {', '.join(file.dropped_metadata)}"] if file.dropped_metadata else []
    for line in (
        f"{options.output}: {about[0]}",
        *about[1:],
        f"safe mode: {_safety_text(file.safety)}",
        *lost,
    ):
        _say(line)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _safety_text(report: Any) -> str:
    if not report.safe_mode:
        return "off"
    verdict = "blurred" if report.blurred else "passed"
    if report.score is None:
        return f"{verdict} ({report.status})"
    return (
        f"{verdict}, score {report.score:.4f}, threshold {report.threshold:g}, classifier {report.classifier}"
    )


def _request_fields(options: argparse.Namespace, limits: Limits) -> dict[str, object]:
    extras: dict[str, object] = {
        "seed": options.seed,
        "roles": dict(_pair(text, "--role") for text in options.role) or None,
        "placement": {
            number: _placement(rest) for number, rest in (_pair(t, "--place") for t in options.place)
        }
        or None,
        "keep_size": options.keep_size or None,
    }
    fields: dict[str, object] = {
        "prompt": options.prompt,
        "images": [_source(image, limits) for image in options.image],
        "modelId": options.model,
        "aspect_ratio": options.aspect_ratio,
        "resolution": options.resolution,
        "output_format": options.output_format or _format_of(options.output),
        "quality": options.quality,
        "safe_mode": not options.no_safe_mode,
        "multiedit": _given(extras),
    }
    return _given(fields)


def _given(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _format_of(output: str | None) -> str | None:
    return _FORMATS.get(Path(output or "").suffix.lower())


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidRequest(f"{option} is {text!a}; it must be NAME=VALUE, such as 2=mask.")
    return name, value


def _placement(text: str) -> dict[str, object]:
    return {
        name: _scalar(value) for name, value in (_pair(part, "--place") for part in text.split(",") if part)
    }


def _scalar(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _source(argument: str, limits: Limits) -> ImageSource:
    from .pipelines.sources.source import BytesSource, FileSource, TextSource

    if argument == STANDARD_STREAM:
        return BytesSource(sys.stdin.buffer.read(limits.max_file_bytes))
    if argument.lower().startswith(("http://", "https://", "data:")):
        return TextSource(argument)
    return FileSource(argument)


def _editor(limits: Limits) -> Editor:
    from .pipelines.adapters.layer_composite import LayerComposite
    from .pipelines.catalog.lookup import load_catalog
    from .pipelines.edit import Editor
    from .pipelines.safety.open_nsfw import default_classifier

    adapter = LayerComposite(limits)
    return Editor(limits, load_catalog(), {adapter.name: adapter}, _loader(limits), default_classifier)


def _loader(limits: Limits) -> SourceLoader:
    from .pipelines.sources.source import SourceLoader

    async def fetch(url: str, name: str) -> bytes:
        from .pipelines.sources.fetch import PictureFetcher

        return await PictureFetcher(limits).fetch(url, name)

    return SourceLoader(limits, fetch)


def _require_output(options: argparse.Namespace) -> None:
    """Refuse an output that cannot be, before any work is done for it."""
    if options.output is None:
        raise InvalidRequest("There is no output; add -o FILE, or -o - for standard output.")
    if options.output == STANDARD_STREAM and options.json:
        raise InvalidRequest("Standard output cannot take both the picture and --json; write one to a file.")
    folder = Path(options.output).parent
    if options.output != STANDARD_STREAM and not folder.is_dir():
        raise OutputError(f"The folder {folder} does not exist. Create it, or name another output.")


def _encode_options(options: argparse.Namespace) -> dict[str, Any]:
    from .pipelines.fields import integer
    from .pipelines.layers.document_file import read_colour

    chosen: dict[str, Any] = {"lossless": options.lossless}
    if options.file_quality is not None:
        chosen["quality"] = integer(options.file_quality, "--file-quality", low=1, high=100)
    if options.matte is not None:
        chosen["background"] = read_colour(options.matte, "--matte")
    return chosen


@contextlib.contextmanager
def _progress_bar(options: argparse.Namespace) -> Iterator[Stage]:
    """A bar on standard error, shown only to a person and only for work longer than a second."""
    from tqdm import tqdm

    hidden = options.json or not sys.stderr.isatty()
    with tqdm(total=100, delay=1.0, disable=hidden, leave=False, bar_format="{desc} {bar} {elapsed}") as bar:

        def stage(name: str, share: float) -> None:
            first, last = _STAGES[name]
            bar.set_description_str(name, refresh=False)
            bar.update(first + (last - first) * share - bar.n)

        yield stage


def compose(options: argparse.Namespace) -> None:
    from .pipelines.compose import compose_document
    from .pipelines.fields import choice
    from .pipelines.images.encode import EncodeOptions
    from .pipelines.limits import Limits
    from .pipelines.request import OUTPUT_FORMATS
    from .pipelines.safety.open_nsfw import default_classifier

    _require_output(options)
    asked = options.output_format or _format_of(options.output) or "png"
    output_format = OUTPUT_FORMATS[choice(asked, "--output-format", options=OUTPUT_FORMATS)]
    classifier = None if options.no_safe_mode else default_classifier
    settings = EncodeOptions(format=output_format, **_encode_options(options))
    with _progress_bar(options) as stage:
        file = compose_document(
            Path(options.document),
            Limits.from_environment(),
            classifier,
            settings,
            lambda done, frames: stage("edit", done / frames),
        )
    details = {"media_type": file.media_type, "bytes": len(file.data), "safety": file.safety.to_dict()}
    _hand_over(options, file, [file.media_type], details)


def resolve(options: argparse.Namespace) -> None:
    from .pipelines.catalog.lookup import load_catalog
    from .pipelines.resolution import resolve_size

    size = resolve_size(
        load_catalog().get(options.model),
        options.aspect_ratio,
        options.resolution,
        _parse_size(options.image_size),
        keep_size=options.keep_size,
    )
    if options.json:
        print_json(dataclasses.asdict(size))
        return
    print(f"{size.width}x{size.height}")
    for note in size.notes:
        _say(f"  {note}")


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise InvalidRequest(
            f"--image-size is {text!a}; it must be WIDTHxHEIGHT in pixels, such as 4000x3000."
        )
    return int(width), int(height)


def models(options: argparse.Namespace) -> None:
    from .pipelines.catalog.lookup import load_catalog

    catalog = load_catalog()
    models = [catalog.get(options.id)] if options.id else list(catalog)
    if options.json or options.id:
        print_json([dataclasses.asdict(model) for model in models])
        return
    print(f"{'id':<28}{'name':<28}{'weights':<9}{'ratios':<8}{'tiers':<12}qualities")
    for model in models:
        tiers, qualities = (", ".join(names) or "-" for names in (model.tiers, model.qualities))
        print(f"{model.id:<28}{model.name:<28}{model.weights:<9}{len(model.ratios):<8}{tiers:<12}{qualities}")


def check_safety(options: argparse.Namespace) -> None:
    import asyncio

    from .pipelines.limits import Limits
    from .pipelines.pictures import Picture
    from .pipelines.safety.open_nsfw import default_classifier
    from .pipelines.safety.screen import check

    limits = Limits.from_environment()
    data = asyncio.run(_loader(limits).load(_source(options.image, limits), "the image"))
    image = Picture(data, limits, "the image").image()
    report = check(image, default_classifier, threshold=options.threshold)[0]
    if options.json:
        print_json(report.to_dict())
        return
    print(f"{report.label or report.status}: {_safety_text(report)}")
