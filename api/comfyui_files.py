"""Delete old images of API edits from ComfyUI's input and output folders, where everybody may view them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

FOLDER = "multi-edit"
# What ComfyUIClient uploads and what request_graph saves; a file that a person named is left alone.
_OWN = re.compile(r"[0-9a-f]{64}\.\w{2,5}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_\d{5}_\.\w{2,5}")
_MOST_OFTEN_SECONDS = 600.0
_logger = logging.getLogger(__name__)


def delete_old_files(folder: Path, seconds: float, now: float) -> list[Path]:
    """Delete the API's own files directly in a folder that are older than so many seconds.

    Args:
        now: Unix seconds.

    Returns:
        The deleted files.
    """
    deleted = []
    for file in folder.iterdir() if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):
            if _OWN.fullmatch(file.name) and file.is_file() and now - file.stat().st_mtime > seconds:
                file.unlink()
                deleted.append(file)
    return deleted


def cleaning(
    folders: Callable[[], list[Path]], seconds: float
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Make what deletes old files while an application runs, for its `cleanup_ctx`.

    Args:
        folders: ComfyUI's, asked each time.
        seconds: the age of a file since its last use.
    """

    async def clean() -> None:
        while True:
            for folder in folders():
                try:
                    await asyncio.to_thread(delete_old_files, folder / FOLDER, seconds, time.time())
                except OSError as error:
                    _logger.warning("multi-edit: old files stay in %s: %s", folder / FOLDER, error.strerror)
            await asyncio.sleep(min(seconds, _MOST_OFTEN_SECONDS))

    async def run(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.ensure_future(clean())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return run
