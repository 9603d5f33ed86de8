"""What each command of the shell face does.

Torch and everything that computes is imported by the command that needs it, so that `--help` and a typing
mistake answer at once.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import math
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .arguments import encode_options, image_size, output_format, request_fields
from .comfyui import edit_there, require_preview
from .output import hand_over, progress_bar, require_output, say, tell, tell_json
from .safety import safety_settings

if TYPE_CHECKING:
    from ..pipelines.adapters.provider.registry import ProviderRegistry
    from ..pipelines.catalog.model import Model
    from ..pipelines.common.settings import Limits
    from ..pipelines.editing.pipeline import EditPipeline, EditResult
    from ..pipelines.planning.request import EditRequest
    from ..pipelines.safety.settings import SafetySettings
    from ..pipelines.sources.source import SourceLoader

INTERRUPTED = 130


def edit(options: argparse.Namespace) -> None:
    from ..pipelines.common.settings import Limits
    from ..pipelines.planning.request import parse_request

    limits = Limits.from_environment()
    require_preview(options)
    if not options.explain:
        require_output(options)
    request = parse_request(request_fields(options, limits), limits)
    carry_out = edit_there if options.comfyui else _edit_here
    result = carry_out(options, request, limits)
    if result is not None:
        plan = result.plan
        summary = f"{plan.width}x{plan.height} {plan.output_format}, {plan.model}"
        hand_over(options, result.file, [summary, *plan.notes, *result.told], result.to_dict())


def _edit_here(options: argparse.Namespace, request: EditRequest, limits: Limits) -> EditResult | None:
    """None where only the plan was asked for."""
    import asyncio

    editor = _editor(limits, safety_settings(options))
    if options.explain:
        tell_json(asyncio.run(editor.plan(request)).to_dict())
        return None
    settings = encode_options(options)
    with progress_bar(options) as stage, _ending_at_once():
        return asyncio.run(editor.edit(request, settings, stage=stage))


@contextlib.contextmanager
def _ending_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process: asyncio would first wait for the editing thread. Nothing is on disk yet."""
    previous = signal.signal(signal.SIGINT, lambda number, frame: os._exit(INTERRUPTED))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _editor(limits: Limits, safety: SafetySettings) -> EditPipeline:
    from ..pipelines.adapters.local import local_adapters
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.editing.pipeline import EditPipeline

    hosting, loader = load_provider(limits), source_loader(limits)
    adapters = {**local_adapters(limits), **hosting.adapters(limits)}
    return EditPipeline(limits, hosting.catalog, adapters, loader, safety.loader(), policy=safety.policy)


def source_loader(limits: Limits) -> SourceLoader:
    from ..pipelines.sources.source import SourceLoader

    async def fetch(url: str, name: str) -> bytes:
        from ..pipelines.sources.fetch import PictureFetcher

        return await PictureFetcher(limits).fetch(url, name)

    return SourceLoader(limits, fetch)


def compose(options: argparse.Namespace) -> None:
    from ..pipelines.common.settings import Limits
    from ..pipelines.common.validation import choice
    from ..pipelines.editing.compose_document import compose_document
    from ..pipelines.images.encode import EncodeOptions
    from ..pipelines.planning.request import OUTPUT_FORMATS

    require_output(options)
    asked = choice(output_format(options) or "png", "--output-format", options=OUTPUT_FORMATS)
    settings = EncodeOptions(format=OUTPUT_FORMATS[asked], **encode_options(options))
    safety = safety_settings(options)
    with progress_bar(options) as stage:
        file = compose_document(
            Path(options.document),
            Limits.from_environment(),
            None if options.no_safe_mode else safety.loader(),
            settings,
            lambda share: stage("edit", share),
            safety.policy,
        )
    details = {
        "media_type": file.media_type,
        "bytes": len(file.data),
        "safety": file.safety.to_dict(),
        "dropped_metadata": list(file.dropped_metadata),
    }
    hand_over(options, file, [file.media_type], details)


def resolve(options: argparse.Namespace) -> None:
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import Limits
    from ..pipelines.planning.size import resolve_size

    size = resolve_size(
        load_provider(Limits.from_environment()).catalog.get(options.model),
        options.aspect_ratio,
        options.resolution,
        image_size(options.image_size),
        keep_size=options.keep_size,
    )
    if options.json:
        tell_json(dataclasses.asdict(size))
        return
    tell(f"{size.width}x{size.height}")
    for note in size.notes:
        say(f"  {note}")


def models(options: argparse.Namespace) -> None:
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import Limits

    hosting = load_provider(Limits.from_environment())
    if options.refresh:
        _refresh(options, hosting)
        return
    catalog = hosting.catalog
    chosen = [catalog.get(options.id)] if options.id else list(catalog)
    if options.json or options.id:
        tell_json([_about(model, hosting) for model in chosen])
        return
    row = "{:<28}{:<28}{:<9}{:<11}{:<8}{:<12}{}".format
    lines = [row("id", "name", "weights", "runs here", "ratios", "tiers", "qualities")]
    for model in chosen:
        tiers, qualities = (", ".join(names) or "-" for names in (model.tiers, model.qualities))
        here = "yes" if _runs_here(model) else "hosted" if model.id in hosting.models else "-"
        lines.append(row(model.id, model.name, model.weights, here, len(model.ratios), tiers, qualities))
    tell("\n".join(lines))


def _refresh(options: argparse.Namespace, hosting: ProviderRegistry) -> None:
    """Ask the hosted provider what it has, tell what has changed, and keep its list."""
    import asyncio

    from ..pipelines.adapters.provider import model_list

    entries = asyncio.run(hosting.ask())
    catalog = model_list.merged(hosting.catalog, entries)
    changes = list(model_list.changes(hosting.catalog, catalog, entries))
    path = model_list.keep(hosting.cache, entries)
    if options.json:
        tell_json({"file": str(path), "models": len(entries), "changes": changes})
        return
    tell("\n".join(changes) or "Nothing has changed.")
    say(f"{path}: {len(entries)} models")


def _about(model: Model, hosting: ProviderRegistry) -> dict[str, object]:
    """A model as JSON, which has no infinity: a ratio without a bound is null."""
    bounded = model.max_ratio if math.isfinite(model.max_ratio) else None
    where = {"runs_here": _runs_here(model), "hosted": model.id in hosting.models}
    return {**dataclasses.asdict(model), "max_ratio": bounded, **where}


def _runs_here(model: Model) -> bool:
    from ..pipelines.adapters.local import LOCAL_MODELS

    return model.id in LOCAL_MODELS
