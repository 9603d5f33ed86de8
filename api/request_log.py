"""The log: one line for each request, with its route, status, sizes and times, without prompts or pixels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ..pipelines.editing.pipeline import EditResult
from .access.auth import ADDRESS
from .backends.base import EditJobRequest

_LONGEST_PATH = 100
STRANGER = "stranger "
"""The beginning of the lines about callers without a key, who can cause any number of them."""
logger = logging.getLogger(__name__)


def result_fields(result: EditResult) -> dict[str, Any]:
    """Return what the line has of a finished edit."""
    stages = {f"{stage}_s": f"{seconds:.3f}" for stage, seconds in result.seconds.items()}
    size = f"{result.plan.width}x{result.plan.height}"
    return {"model": result.plan.model, "size": size, "bytes_out": len(result.file.data), **stages}


def request_fields(job: EditJobRequest, log_prompts: bool) -> dict[str, Any]:
    """Return what the line has of an edit's request; the prompt only with `log_prompts`."""
    fields: dict[str, Any] = {"images": len(job.request.images)}
    return {**fields, "prompt": job.request.prompt} if log_prompts else fields


def write_refusal(request: web.Request, status: int) -> None:
    """Write the line of a request that no route takes."""
    path = request.path[:_LONGEST_PATH]
    caller = f"{ADDRESS}{request.remote}"
    write({"method": request.method, "path": path, "status": status, "caller": caller})


def write(fields: Mapping[str, Any]) -> None:
    """Write a line of name=value pairs."""
    text = " ".join(f"{name}={_quote(value)}" for name, value in fields.items())
    logger.info(f"{STRANGER}%s" if str(fields.get("caller")).startswith(ADDRESS) else "%s", text)


def _quote(value: object) -> str:
    text = str(value)
    plain = text and all(character.isalnum() or character in "-_./:,{}" for character in text)
    return text if plain and text.isascii() else ascii(text)
