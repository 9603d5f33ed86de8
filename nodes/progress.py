"""Telling the user how far the work is, and listening to whether it is still wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from comfy_api.latest import io, ui

_STEPS = 200
_LOOK_SECONDS = 0.1
_Answer = TypeVar("_Answer")


def reporter() -> Callable[[float], None]:
    """A callback for pipelines/: moves ComfyUI's progress bar, and ends the work when it is interrupted."""
    from comfy.model_management import throw_exception_if_processing_interrupted
    from comfy.utils import ProgressBar

    bar = ProgressBar(_STEPS)

    def report(share: float) -> None:
        throw_exception_if_processing_interrupted()
        bar.update_absolute(round(share * _STEPS))

    return report


async def interruptible(work: Awaitable[_Answer]) -> _Answer:
    """Wait for work that waits itself, ending it when ComfyUI is interrupted."""
    from comfy.model_management import throw_exception_if_processing_interrupted

    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=_LOOK_SECONDS)
            throw_exception_if_processing_interrupted()
    finally:
        task.cancel()
    return task.result()


def show_text(cls: type[io.ComfyNode], text: str) -> ui.PreviewText:
    """Show text on the running node; the answer puts it into the history too."""
    from server import PromptServer

    server = getattr(PromptServer, "instance", None)
    if server is not None:
        server.send_progress_text(text, cls.hidden.unique_id)
    return ui.PreviewText(text)
