"""Every limit, and the one reader of the environment: frozen objects, built once and passed in.

Every number that bounds an input or a wait stands here and nowhere else. Units are in the names. A field is
overridden by `MULTIEDIT_<FIELD>`, upper case: `MULTIEDIT_MAX_FILE_BYTES=50000000`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from .errors import InvalidRequest

ENVIRONMENT_PREFIX = "MULTIEDIT_"
LARGEST_SEED = 2**64 - 1
PREFIX = f"{ENVIRONMENT_PREFIX}PROVIDER_"
ADVICE = f"{PREFIX}URL and {PREFIX}KEY"

_Own = TypeVar("_Own", bound="_Settings")


class _Settings:
    """A frozen dataclass whose fields the environment may override."""

    @classmethod
    def from_environment(cls: type[_Own], environment: Mapping[str, str] = os.environ) -> _Own:
        """Read the overrides.

        Raises:
            InvalidRequest: a variable is not a positive number.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):  # type: ignore[arg-type]  # every subclass is a dataclass
            name = ENVIRONMENT_PREFIX + field.name.upper()
            if name in environment:
                given[field.name] = _parse(name, environment[name], type(field.default))
        return cls(**given)


@dataclass(frozen=True)
class Limits(_Settings):
    """What a request may cost. The first block is the hosted contract's, the second is ours."""

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


@dataclass(frozen=True)
class ComfyUILimits(_Settings):
    """How long a ComfyUI is waited for, and how much it may send."""

    comfyui_seconds: float = 3600.0  # one edit, the wait in the queue included
    comfyui_connect_seconds: float = 10.0  # to connect, and to say what it is
    comfyui_answer_seconds: float = 300.0  # one answer, a picture's transfer included
    comfyui_poll_seconds: float = 5.0  # without news of a job its queue is looked at
    comfyui_cancel_seconds: float = 5.0
    comfyui_attempts: int = 3  # after as many failures in a row a server is gone
    comfyui_answer_bytes: int = 300_000_000  # more than the largest result as an uncompressed PNG


@dataclass(frozen=True)
class ProviderLimits(_Settings):
    """What an edit at the provider may take: time, bytes, attempts and dollars.

    Attributes:
        max_usd, max_usd_per_day: by the catalogue's prices; a day is one of UTC.
        provider_seconds: one edit, all attempts and the waits between them included.
        provider_attempts: requests for one edit; only after an answer that may be asked for again.
        provider_wait_seconds, provider_longest_wait_seconds: the first and the longest wait between two
            attempts where the endpoint does not say how long.
        provider_answer_bytes: of a picture.
    """

    max_usd: float = 1.0
    max_usd_per_day: float = 10.0
    provider_seconds: float = 280.0
    provider_connect_seconds: float = 10.0
    provider_attempts: int = 4
    provider_wait_seconds: float = 0.5
    provider_longest_wait_seconds: float = 8.0
    provider_answer_bytes: int = 150_000_000


@dataclass(frozen=True)
class ServerLimits(_Settings):
    """What the HTTP server as a whole may cost.

    Attributes:
        requests_per_minute: edits of one key.
        failures, failure_seconds: an error budget: after more failed edits (4xx but 429) of one key and
            model within these seconds, further ones are refused for as long.
        edits_at_once: edits that are worked on at the same time in this process.
        edits_waiting: further ones that are received or wait; beyond them the answer is 503.
        edit_seconds: from the moment that a request is whole to its answer, the waiting included.
        upload_seconds, upload_idle_seconds: a whole body, and without a byte of it.
        connection_idle_seconds: a connection, before its first request is there and between two.
        max_body_bytes: a JSON body, more than which is 413.
        json_bytes_at_once: JSON bodies that are in memory at the same time; others wait on disk.
        job_seconds: how long the answer of a `respond-async` job is kept.
        job_bytes: of all kept answers together; the oldest go first.
        drain_seconds: for the edits under way when the server is told to end.
    """

    requests_per_minute: int = 20
    failures: int = 50
    failure_seconds: float = 30.0
    edits_at_once: int = 2
    edits_waiting: int = 64
    edit_seconds: float = 300.0
    upload_seconds: float = 300.0
    upload_idle_seconds: float = 20.0
    connection_idle_seconds: float = 75.0
    max_body_bytes: int = 35_000_000
    json_bytes_at_once: int = 105_000_000
    job_seconds: float = 900.0
    job_bytes: int = 268_435_456
    drain_seconds: float = 7.0


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
