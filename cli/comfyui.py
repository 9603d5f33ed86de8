"""Run `multiedit edit --comfyui` on a ComfyUI server."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..pipelines.common.errors import InvalidRequest
from .arguments import encode_options, source_loader
from .output import print_json, progress_bar, require_file, write_file

if TYPE_CHECKING:
    from ..pipelines.adapters.comfyui.client.progress_events import Preview
    from ..pipelines.common.settings import Limits
    from ..pipelines.editing.comfyui_pipeline import ComfyUIEditPipeline
    from ..pipelines.editing.pipeline import EditResult
    from ..pipelines.planning.request import EditRequest

_STAGES = {"load": (0, 5), "upload": (5, 10), "edit": (10, 95), "fetch": (95, 100)}
# Options of safe mode on this machine, by the name of their value; the server has its own settings.
_LOCAL = {"classifier": "--classifier", "preset": "--preset", "tiles": "--tiles", "inputs": "--check-inputs"}


def require_preview(options: argparse.Namespace) -> None:
    """Refuse a preview that cannot be written, before any work is done for it."""
    if options.preview and not options.comfyui:
        raise InvalidRequest("--preview needs --comfyui; add --comfyui URL, or remove --preview.")
    if options.preview:
        require_file(options.preview)


def edit_on_comfyui(options: argparse.Namespace, request: EditRequest, limits: Limits) -> EditResult | None:
    """Run an edit; None where only the plan was asked for.

    Ctrl-C cancels it on the server, which asyncio.run waits for.
    """
    import asyncio

    pipeline = _pipeline(options, limits)
    if options.explain:
        print_json(asyncio.run(pipeline.plan(request)).to_dict())
        return None
    settings = encode_options(options)
    with progress_bar(options, _STAGES) as stage:
        writer = None if options.preview is None else _PreviewFile(options.preview)
        result = asyncio.run(pipeline.edit(request, settings, stage, writer))
    return result if writer is None or writer.written else _with_message(result, _no_preview(result))


def _pipeline(options: argparse.Namespace, limits: Limits) -> ComfyUIEditPipeline:
    from ..pipelines.adapters.comfyui.client.address import read_address
    from ..pipelines.adapters.comfyui.client.server_models import ServerModels
    from ..pipelines.adapters.comfyui.request_graph import request_graph
    from ..pipelines.catalog.aliases import alias_resolver
    from ..pipelines.catalog.lookup import load_catalog
    from ..pipelines.common.settings import ComfyUILimits
    from ..pipelines.editing.comfyui_pipeline import ComfyUIEditPipeline
    from ..pipelines.safety.settings import SafetySettings

    for name, option in _LOCAL.items():
        if getattr(options, name) is not None:
            raise InvalidRequest(
                f"{option} is for safe mode on this machine; with --comfyui the server's settings apply. "
                f"Remove {option} or --comfyui."
            )
    catalog = load_catalog()
    return ComfyUIEditPipeline(
        limits,
        catalog,
        [read_address(address) for address in options.comfyui],
        source_loader(limits),
        ServerModels(resolve_alias=alias_resolver(limits, catalog)),
        partial(request_graph, catalog=catalog),
        ComfyUILimits.from_environment(),
        SafetySettings.from_environment(),
    )


class _PreviewFile:
    """Writes each preview over the one before it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.written = False

    def __call__(self, preview: Preview) -> None:
        write_file(self._path, preview.data)
        self.written = True


def _no_preview(result: EditResult) -> str:
    from ..pipelines.adapters.local import LOCAL_MODELS

    model = result.plan.model
    if model in LOCAL_MODELS:
        return f"No preview was written: {model} makes its image at once, so there is none on the way."
    return (
        "No preview was written: ComfyUI sent none. Start it with --preview-method auto; an edit that it has "
        "in its cache, or of very few steps, has none."
    )


def _with_message(result: EditResult, message: str) -> EditResult:
    return replace(result, messages=(*result.messages, message))
