"""`multiedit models` and `multiedit resolve`: list the models, and show their output sizes."""

from __future__ import annotations

import argparse
import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any

from ..pipelines.common.errors import InvalidRequest
from ..pipelines.common.validation import describe
from .arguments import add_command
from .model_files import add_file_options, check, download
from .output import print_json, print_output, print_result

if TYPE_CHECKING:
    from ..pipelines.adapters.provider.registry import ProviderRegistry
    from ..pipelines.catalog.model import Model

_FILE_COMMANDS = {"download": download, "check": check}
# Options that only some of them read.
_FILE_OPTIONS = {
    "dry_run": ("download",), "replace": ("download",), "models": ("download", "check"), "comfyui": ("check",)
}  # fmt: skip
_IMAGE_SIZE = re.compile("([1-9][0-9]{0,8})[xX]([1-9][0-9]{0,8})")


def add_resolve_parser(subparsers: Any) -> None:
    parser = add_command(subparsers, "resolve", resolve, "show the output size of a model")
    add = parser.add_argument
    add("--model", default="layer-composite", metavar="ID")
    add("--aspect-ratio", metavar="W:H")
    add("--resolution", metavar="TIER")
    add("--image-size", metavar="WxH", help="of the first image, for the ratio or --keep-size")
    add("--keep-size", action="store_true")
    add("--snap-ratio", action="store_true", help="take the closest ratio of the model's list")


def add_models_parser(subparsers: Any) -> None:
    parser = add_command(subparsers, "models", models, "list the models of the catalogue")
    parser.usage = "multiedit models [ID] | download ID | check [ID] [options]"
    parser.add_argument(
        "id", nargs="?", metavar="ID", help="show everything about one; or download, or check"
    )
    parser.add_argument("name", nargs="?", metavar="ID", help="of a model or profile, for download and check")
    add_file_options(parser)
    parser.add_argument("--refresh", action="store_true", help="ask the provider for its current models")
    parser.add_argument("--accept", action="store_true", help="with --refresh: also a price that falls to 0")


def resolve(options: argparse.Namespace) -> None:
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import Limits
    from ..pipelines.planning.size import resolve_size

    limits = Limits.from_environment()
    size = resolve_size(
        load_provider(limits).catalog.get(options.model),
        options.aspect_ratio,
        options.resolution,
        _image_size(options.image_size, limits.max_side),
        keep_size=options.keep_size,
        snap_ratio=options.snap_ratio,
    )
    notes = (f"  {note}" for note in size.notes)
    print_output(options, dataclasses.asdict(size), f"{size.width}x{size.height}", *notes)


def _image_size(text: str | None, longest: int) -> tuple[int, int] | None:
    """Parse WIDTHxHEIGHT in pixels."""
    if text is None:
        return None
    sides = _IMAGE_SIZE.fullmatch(text)
    if sides is None or max(map(int, sides.groups())) > longest:
        raise InvalidRequest(
            f"--image-size is {describe(text)}; it must be WIDTHxHEIGHT in pixels, such as 4000x3000, "
            f"{longest} px a side at most."
        )
    return int(sides[1]), int(sides[2])


def models(options: argparse.Namespace) -> None:
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import Limits

    if options.name and options.id not in _FILE_COMMANDS:
        raise InvalidRequest(f"Unknown command {describe(options.id)}; it must be download or check.")
    _require_used(options)
    if options.id in _FILE_COMMANDS:
        _FILE_COMMANDS[options.id](options)
        return
    provider = load_provider(Limits.from_environment())
    if options.refresh:
        _refresh(options, provider)
        return
    catalog = provider.catalog
    selected = [catalog.get(options.id)] if options.id else list(catalog)
    if options.json or options.id:
        print_json([_model_json(model, provider) for model in selected])
        return
    row = "{:<27}{:<27}{:<9}{:<11}{:<8}{:<8}{:<12}{}".format
    lines = [row("id", "name", "weights", "runs here", "price", "ratios", "tiers", "qualities")]
    for model in selected:
        tiers, qualities = (", ".join(names) or "-" for names in (model.tiers, model.qualities))
        here = "yes" if _runs_here(model) else "provider" if model.id in provider.models else "-"
        about = (model.id, model.name, model.weights, here, _price(model))
        lines.append(row(*about, len(model.ratios), tiers, qualities))
    print_result("\n".join(lines))


def _require_used(options: argparse.Namespace) -> None:
    """Refuse an option about files that the command would not look at."""
    for name, commands in _FILE_OPTIONS.items():
        if getattr(options, name) and options.id not in commands:
            option, usage = f"--{name.replace('_', '-')}", " or ".join(f"models {each}" for each in commands)
            raise InvalidRequest(f"{option} is for `multiedit {usage}` only. Remove it, or name the command.")


def _price(model: Model) -> str:
    """The price in US dollars of an edit of one image with nothing else asked for; `-` for open models."""
    if model.weights != "closed":
        return "-"
    return f"${model.price.estimate(model.default_tier, model.default_quality, 1):.2f}"


def _refresh(options: argparse.Namespace, provider: ProviderRegistry) -> None:
    """Ask the provider for its models, print what has changed, and keep its list."""
    import asyncio

    from ..pipelines.adapters.provider import model_list

    entries = asyncio.run(provider.fetch_models())
    catalog = model_list.merged(provider.catalog, entries)
    free = model_list.free_now(provider.catalog, catalog)
    if free and not options.accept:
        raise InvalidRequest(
            f"The provider's list has the price 0 for {', '.join(free)}, so that spending limits would not "
            "hold. The list was not kept. If the price is right, add --accept."
        )
    changes = list(model_list.changes(provider.catalog, catalog, entries))
    path = model_list.save_list(provider.cache, entries)
    value = {"file": str(path), "models": len(entries), "changes": changes}
    text = "\n".join(changes) or "Nothing has changed."
    print_output(options, value, text, f"{path}: {len(entries)} models")


def _model_json(model: Model, provider: ProviderRegistry) -> dict[str, object]:
    """JSON has no infinity: a ratio without a bound is null."""
    bounded = model.max_ratio if math.isfinite(model.max_ratio) else None
    where = {"runs_here": _runs_here(model), "provider": model.id in provider.models}
    return {**dataclasses.asdict(model), "max_ratio": bounded, **where}


def _runs_here(model: Model) -> bool:
    from ..pipelines.adapters.local import LOCAL_MODELS

    return model.id in LOCAL_MODELS
