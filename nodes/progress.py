"""Show the progress and texts of a running node, and stop it when ComfyUI is interrupted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

import comfy.model_management
import comfy.utils
import server
import torch
from comfy_api.latest import io, ui
from torch.overrides import TorchFunctionMode

from ..pipelines.common.threads import in_every_thread

_BAR_STEPS = 200
_POLL_SECONDS = 0.1
_Result = TypeVar("_Result")
_UNINTERRUPTED = ContextVar("multi-edit uninterrupted", default=False)


def progress_callback() -> Callable[[float], None]:
    """A callback for pipelines/: moves ComfyUI's progress bar (0..1), and raises when it is interrupted."""
    bar = comfy.utils.ProgressBar(_BAR_STEPS)

    def on_progress(share: float) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(round(share * _BAR_STEPS))

    return on_progress


class _InterruptibleTorch(TorchFunctionMode):
    """Calls each operation of torch, unless ComfyUI has been interrupted; in several threads at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._interrupted = False

    def __torch_function__(
        self, operation: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if not _UNINTERRUPTED.get():
            self._check()
        return operation(*args, **(kwargs or {}))

    def _check(self) -> None:
        """ComfyUI tells of an interruption once, to whichever thread asks first; here all hear of it."""
        if self._interrupted:
            raise comfy.model_management.InterruptProcessingException
        try:
            comfy.model_management.throw_exception_if_processing_interrupted()
        except comfy.model_management.InterruptProcessingException:
            self._interrupted = True
            raise


@contextlib.contextmanager
def interruptible_torch() -> Iterator[None]:
    """End the block, or the function that this decorates, at the next operation of torch when interrupted.

    A callback for progress hears it only between the pieces of the work, and a piece can be an image of many
    megapixels. The threads of `in_parallel` hear it too. Not for what awaits: other nodes may run meanwhile.
    """
    with in_every_thread(_InterruptibleTorch()):
        yield


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let the block end whatever happens: for ComfyUI's own work that must not stop half way."""
    before = _UNINTERRUPTED.set(True)
    try:
        yield
    finally:
        _UNINTERRUPTED.reset(before)


def abandonable(work: Callable[[], _Result]) -> _Result:
    """Do work in a thread, and leave it behind when ComfyUI is interrupted.

    For a long call without steps, such as an encoder's, that may end unheard. It knows the running node.
    """
    inference = torch.is_inference_mode_enabled()  # each thread has a mode of its own

    def in_mode() -> _Result:
        with torch.inference_mode(inference):
            return work()

    executor = ThreadPoolExecutor(1, "multi-edit node")
    future = executor.submit(copy_context().run, in_mode)
    executor.shutdown(wait=False)
    while not wait([future], _POLL_SECONDS).done:
        comfy.model_management.throw_exception_if_processing_interrupted()
    return future.result()


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


def page_is_watching() -> bool:
    """Return whether the running prompt was queued by a page, which is told what nodes show."""
    return getattr(getattr(server.PromptServer, "instance", None), "client_id", None) is not None


def show_text(cls: type[io.ComfyNode], text: str) -> ui.PreviewText:
    """Show text on the running node; returned as a node's `ui`, it is in the history too."""
    instance = getattr(server.PromptServer, "instance", None)
    if instance is not None:
        instance.send_progress_text(text, cls.hidden.unique_id)
    return ui.PreviewText(text)
