"""Limits and policy: one frozen object, built once from the environment and passed in.

Every number of the contract that bounds an input stands here and nowhere else. Units are in the names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from .errors import InvalidRequest

ENVIRONMENT_PREFIX = "MULTIEDIT_"
LARGEST_SEED = 2**64 - 1


@dataclass(frozen=True)
class Limits:
    """What a request may cost. The first block is the hosted contract's, the second is ours.

    A field is overridden by `MULTIEDIT_<FIELD>`, upper case: `MULTIEDIT_MAX_FILE_BYTES=50000000`.
    """

    max_images: int = 3
    max_prompt_characters: int = 32768
    max_file_bytes: int = 25_000_000  # a file must be smaller than this ("less than 25 MB")
    min_pixels: int = 65_536
    max_pixels: int = 33_177_600
    min_side: int = 64

    max_canvas_pixels: int = 67_108_864  # a document's canvas, and each placed layer: 8192 x 8192
    max_side: int = 16_384  # ComfyUI's own MAX_RESOLUTION
    max_layers: int = 50
    fetch_redirects: int = 3
    fetch_seconds: float = 30.0  # one picture, all redirects and the body included
    fetch_connect_seconds: float = 5.0
    fetch_allowed_hosts: tuple[str, ...] = ()  # exact host names that may resolve to private addresses
    model_aliases: tuple[
        str, ...
    ] = ()  # "closed-model=open-model": the second runs where the first is asked for

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Limits:
        """Read the overrides.

        Raises:
            InvalidRequest: a variable is not a positive number.
        """
        return replace(cls(), **overrides(cls, environment))


def overrides(limits: type, environment: Mapping[str, str]) -> dict[str, Any]:
    """What the environment says of the fields of a dataclass of limits, by field.

    Raises:
        InvalidRequest: a variable is not a positive number.
    """
    names = {field.name: ENVIRONMENT_PREFIX + field.name.upper() for field in fields(limits)}
    kinds = {field.name: type(field.default) for field in fields(limits)}
    return {
        field: _parse(name, environment[name], kinds[field])
        for field, name in names.items()
        if name in environment
    }


def _parse(name: str, text: str, kind: type) -> object:
    if kind is tuple:
        return tuple(part.strip().lower() for part in text.split(",") if part.strip())
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise InvalidRequest(f"{name} is {text!r}; it must be a positive number. Correct it or unset it.")
    return value
