"""One line for each request: what was asked of whom, how large, how long. Never the prompt or pixels."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .backends.base import Edited, Work

logger = logging.getLogger(__name__)


def edit_facts(edited: Edited) -> dict[str, Any]:
    """What the line says of a finished edit."""
    stages = {f"{stage}_s": f"{seconds:.3f}" for stage, seconds in edited.seconds.items()}
    size = f"{edited.width}x{edited.height}"
    return {"model": edited.model, "size": size, "bytes_out": len(edited.data), **stages}


def work_facts(work: Work, log_prompts: bool) -> dict[str, Any]:
    """What the line says of a request; its prompt only where the operator has asked for it."""
    facts: dict[str, Any] = {"images": len(work.request.images)}
    return {**facts, "prompt": work.request.prompt} if log_prompts else facts


def write(facts: Mapping[str, Any]) -> None:
    """The line, as name=value pairs."""
    logger.info("%s", " ".join(f"{name}={_value(value)}" for name, value in facts.items()))


def _value(value: object) -> str:
    text = str(value)
    plain = text and all(character.isalnum() or character in "-_./:,{}" for character in text)
    return text if plain and text.isascii() else ascii(text)
