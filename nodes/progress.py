"""Show the progress and texts of a running node, and stop it when ComfyUI is interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import comfy.model_management
import comfy.utils
import server
from comfy_api.latest import io, ui

_BAR_STEPS = 200
_POLL_SECONDS = 0.1
_Result = TypeVar("_Result")


def progress_callback() -> Callable[[float], None]:
    """A callback for pipelines/: moves ComfyUI's progress bar (0..1), and raises when it is interrupted."""
    bar = comfy.utils.ProgressBar(_BAR_STEPS)

    def on_progress(share: float) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(round(share * _BAR_STEPS))

    return on_progress


async def interruptible(work: Awaitable[_Result]) -> _Result:
    """Await work, and cancel it when ComfyUI is interrupted."""
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_POLL_SECONDS)
            comfy.model_management.throw_exception_if_processing_interrupted()
    finally:
        task.cancel()
    return task.result()


def show_text(cls: type[io.ComfyNode], text: str) -> ui.PreviewText:
    """Show text on the running node; returned as a node's `ui`, it is in the history too."""
    instance = getattr(server.PromptServer, "instance", None)
    if instance is not None:
        instance.send_progress_text(text, cls.hidden.unique_id)
    return ui.PreviewText(text)
