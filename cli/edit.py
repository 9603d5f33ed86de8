"""`multiedit edit`: run an edit in this process, or on a ComfyUI server."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import describe
from ..pipelines.planning.mask_options import MASK_READERS
from .arguments import (
    STANDARD_STREAM,
    add_command,
    add_output_options,
    decimal_number,
    encode_options,
    image_source,
    output_format,
    safety_settings,
    source_loader,
    whole_number,
)
from .comfyui import edit_on_comfyui, require_preview
from .model_options import add_model_options, model_options
from .output import print_json, progress_bar, require_output, require_outputs, write_result

if TYPE_CHECKING:
    from ..pipelines.common.settings import Limits
    from ..pipelines.editing.pipeline import EditPipeline, EditResult
    from ..pipelines.planning.request import EditRequest
    from ..pipelines.safety.settings import SafetySettings

INTERRUPTED = 130
_SYNTAX = {
    "--role": "N=ROLE, such as 2=mask",
    "--place": "N=NAME=VALUE,..., such as 2=scale=0.5,anchor=left",
}


def add_parser(subparsers: Any) -> None:
    parser = add_command(subparsers, "edit", edit, "edit an image from one or more layered images")
    add = parser.add_argument
    add(
        "--image",
        action="append",
        required=True,
        metavar="FILE|URL|-",
        help="base first; - is standard input",
    )
    add("--prompt", required=True, help="what to do, in words")
    add("--model", metavar="ID", help="see `multiedit models`")
    add(
        "--aspect-ratio",
        metavar="W:H",
        help="such as 16:9; default, or auto: the first image's own, closed models: the closest listed",
    )
    add("--resolution", metavar="TIER", help="1K, 2K or 4K")
    add("--quality", metavar="LEVEL", help="low, medium or high, for models that have it")
    add("--seed", type=whole_number("--seed"), metavar="N")
    add("--keep-size", action="store_true", help="the result has the first image's exact size")
    add_model_options(parser)
    add("--snap-ratio", action="store_true", help="take the closest ratio of the model's list")
    add("--extend", metavar="SIDES", help="left=256,right=25%% or 16:9, and fill=mirror, blur or #rrggbb")
    add("--role", action="append", default=[], metavar="N=ROLE", help="2=mask: overlay, mask or reference")
    add(
        "--place",
        action="append",
        default=[],
        metavar="N=NAME=VALUE,...",
        help="2=fit=contain,anchor=top-left,scale=0.5,opacity=0.8,seamless=true",
    )
    _add_mask_options(parser)
    add("--explain", action="store_true", help="print the plan and stop")
    add("--comfyui", action="append", metavar="URL", help="edit there; given more than once, the least busy")
    add("--preview", metavar="FILE", help="write the newest preview of --comfyui to FILE")
    add("--check-inputs", dest="inputs", action="store_true", default=None, help="check the inputs too")
    add_output_options(parser)


def _add_mask_options(parser: argparse.ArgumentParser) -> None:
    """The fields `multiedit.mask_...`."""
    add = parser.add_argument
    lengths = {
        "--mask-grow": "grow the mask by so many pixels of the result",
        "--mask-feather": "fade the edit in over so many pixels, inwards from the mask's edge",
        "--mask-pull-in": "begin the edit so many pixels inside the mask's edge",
    }
    for option, summary in lengths.items():
        add(option, type=whole_number(option), metavar="PIXELS", help=summary)
    context = decimal_number("--mask-context")
    add("--mask-context", type=context, metavar="FACTOR", help="what the model sees, in boxes of the mask")
    add("--mask-fill", metavar="FILL", help="what it sees inside the mask: keep, blur, neutral or green")
    for name, what in (("color-match", "colours"), ("align", "place")):
        summary = f"leave the edit's {what} as the model made it"
        add(
            f"--no-mask-{name}",
            dest=f"mask_{name.replace('-', '_')}",
            action="store_false",
            default=None,
            help=summary,
        )


def edit(options: argparse.Namespace) -> None:
    from ..pipelines.common.settings import Limits
    from ..pipelines.planning.request import parse_request

    limits = Limits.from_environment()
    require_preview(options)
    if not options.explain:
        require_output(options)
    request = parse_request(_request_fields(options, limits), limits)
    if options.comfyui and not options.explain:  # nothing else makes several
        require_outputs(options, request.multiedit.options.batch_size)
    run = edit_on_comfyui if options.comfyui else _edit_locally
    result = run(options, request, limits)
    if result is not None:
        plan = result.plan
        summary = f"{plan.width}x{plan.height} {plan.output_format}, {plan.model}"
        write_result(options, result.file, [summary, *plan.notes, *result.messages], result.to_dict())


def _request_fields(options: argparse.Namespace, limits: Limits) -> dict[str, object]:
    """The fields of an edit, for `parse_request`; standard input is read here."""
    from ..pipelines.layers.extension import extend_fields

    if options.image.count(STANDARD_STREAM) > 1:
        raise InvalidRequest("Standard input holds one image; pass - for one --image only.", field="images")
    placement = {
        number: {name: _scalar(value) for name, value in _by_name(fields.split(","), "--place").items()}
        for number, fields in _by_name(options.place, "--place").items()
    }
    extras: dict[str, object] = {
        "seed": options.seed,
        "roles": _by_name(options.role, "--role") or None,
        "placement": placement or None,
        "keep_size": options.keep_size or None,
        "snap_ratio": options.snap_ratio or None,
        "extend": None if options.extend is None else extend_fields(options.extend, "--extend"),
        **{name: getattr(options, name) for name in MASK_READERS},
        **model_options(options),
    }
    fields: dict[str, object] = {
        "prompt": options.prompt,
        "modelId": options.model,
        "aspect_ratio": options.aspect_ratio,
        "resolution": options.resolution,
        "output_format": output_format(options),
        "quality": options.quality,
        "safe_mode": not options.no_safe_mode,
        "multiedit": _without_none(extras),
        "images": [
            image_source(image, limits, f"image {number}")
            for number, image in enumerate(options.image, start=1)
        ],
    }
    return _without_none(fields)


def _without_none(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _by_name(parts: Iterable[str], option: str) -> dict[str, str]:
    """Split NAME=VALUE parts of an option."""
    values: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or not value:
            raise InvalidRequest(f"{option} has {describe(part)}; it must be {_SYNTAX[option]}.")
        if name in values:
            raise InvalidRequest(
                f"{option} gives {describe(name)} twice; give it once, as {_SYNTAX[option]}."
            )
        values[name] = value
    return values


def _scalar(text: str) -> object:
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        with contextlib.suppress(ValueError):
            return number(text)
    return text


def _edit_locally(options: argparse.Namespace, request: EditRequest, limits: Limits) -> EditResult | None:
    """None where only the plan was asked for."""
    import asyncio

    pipeline = _pipeline(limits, safety_settings(options))
    if options.explain:
        print_json(asyncio.run(pipeline.plan(request)).to_dict())
        return None
    settings = encode_options(options)
    with progress_bar(options) as stage, _exit_on_interrupt():
        return asyncio.run(pipeline.edit(request, settings, stage=stage))


@contextlib.contextmanager
def _exit_on_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process: asyncio would first wait for the editing thread. Nothing is on disk yet."""
    previous = signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _pipeline(limits: Limits, safety: SafetySettings) -> EditPipeline:
    from ..pipelines.adapters.local import local_adapters
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.editing.pipeline import EditPipeline

    provider, loader = load_provider(limits), source_loader(limits)
    adapters = {**local_adapters(limits), **provider.adapters(limits)}
    return EditPipeline(limits, provider.catalog, adapters, loader, safety.loader(), policy=safety.policy)
