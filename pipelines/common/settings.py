"""Every limit, and the one reader of the environment: frozen objects, built once and passed in.

A number that an owner may have to change stands here; one that a format or protocol fixes stands with its
reader. Units are in the names. A field is overridden by `MULTIEDIT_<FIELD>`, upper case:
`MULTIEDIT_MAX_FILE_BYTES=50000000`.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from .errors import InvalidRequest
from .loopback import is_loopback
from .validation import describe

ENVIRONMENT_PREFIX = "MULTIEDIT_"
LARGEST_SEED = 2**64 - 1
PROVIDER_PREFIX = f"{ENVIRONMENT_PREFIX}PROVIDER_"
PROVIDER_VARIABLES = f"{PROVIDER_PREFIX}URL and {PROVIDER_PREFIX}KEY"

_Own = TypeVar("_Own", bound="_Settings")
_Value = TypeVar("_Value", str, int, float, bool, tuple[str, ...])
_SWITCH = {"true": True, "on": True, "false": False, "off": False}


def read_variable(
    name: str,
    default: _Value,
    environment: Mapping[str, str] = os.environ,
    *,
    choices: Collection[str] = (),
) -> _Value:
    """Read `MULTIEDIT_<NAME>`; the default where it is not set, or blank.

    The type of the default says what it holds: a positive number (int, float), a switch (bool), text with
    commas between (tuple), or text, one of `choices` in any case where there are some.

    Raises:
        InvalidRequest: it holds something else.
    """
    variable = ENVIRONMENT_PREFIX + name.upper()
    text = environment.get(variable, "").strip()
    if not text:
        return default
    try:
        return cast(_Value, _parse(text, type(default), choices))
    except ValueError as error:
        raise InvalidRequest(
            f"{variable} is {describe(text)}; it must be {error}. Correct it or unset it."
        ) from None


def _parse(text: str, kind: type, choices: Collection[str]) -> Any:
    """Raises ValueError with what completes "it must be ..."."""
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if kind is bool:
        if text.lower() not in _SWITCH:
            raise ValueError("true, false, on or off")
        return _SWITCH[text.lower()]
    if kind is str:
        if choices and text.lower() not in choices:
            raise ValueError(" or ".join(choices))
        return text.lower() if choices else text
    try:
        value = kind(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise ValueError("a finite positive number" if kind is float else "a positive whole number")
    return value


class _Settings:
    """A frozen dataclass whose fields the environment may override."""

    @classmethod
    def from_environment(cls: type[_Own], environment: Mapping[str, str] = os.environ) -> _Own:
        """Read the overrides.

        Raises:
            InvalidRequest: see `read_variable`. Lists become lower case.
        """
        given: dict[str, Any] = {}
        for each in fields(cls):  # type: ignore[arg-type]  # every subclass is a dataclass
            default: Any = each.default
            value: Any = read_variable(each.name, default, environment)
            given[each.name] = tuple(map(str.lower, value)) if isinstance(value, tuple) else value
        return cls(**given)


@dataclass(frozen=True)
class Limits(_Settings):
    """Limits of what a graph, a document or the command line edits; `RequestLimits` are those of HTTP."""

    max_images: int = 10  # as many as any model takes that reads the prompt
    max_prompt_characters: int = 32768
    max_file_bytes: int = 500_000_000  # a file must be smaller than this: a 16-bit PNG of 100 MP
    min_pixels: int = 1
    max_pixels: int = 134_217_728  # 16384 x 8192: the largest cameras' 102 and 108 MP
    min_side: int = 1

    max_canvas_pixels: int = 134_217_728  # a document's canvas, and each placed layer
    max_side: int = 65_535  # of a canvas or placed layer; a JPEG has no longer one
    max_layers: int = 50
    fetch_redirects: int = 3
    fetch_seconds: float = 30.0  # one image, all redirects and the body included
    fetch_connect_seconds: float = 5.0
    fetch_allowed_hosts: tuple[str, ...] = ()  # exact host names that may resolve to private addresses
    max_all_images: int = 10  # `images` and `multiedit.images` together
    max_steps: int = 10_000
    max_batch_size: int = 16
    model_options: bool = True  # whether a request may set steps, LoRAs and the like of a model
    # "closed-model=open-model": the second runs where the first is asked for.
    model_aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestLimits(Limits):
    """Limits of a request to the HTTP API, which anybody may send. The first block is the contract's.

    The same variables change them.
    """

    max_images: int = 3
    max_file_bytes: int = 25_000_000  # "less than 25 MB"
    min_pixels: int = 65_536
    max_pixels: int = 33_177_600
    min_side: int = 64

    max_steps: int = 100
    max_batch_size: int = 4
    max_canvas_pixels: int = 67_108_864  # 8192 x 8192
    max_side: int = 16_384  # ComfyUI's own MAX_RESOLUTION


@dataclass(frozen=True)
class ComfyUILimits(_Settings):
    """Waits for a ComfyUI, and bounds on what it may send."""

    comfyui_seconds: float = 3600.0  # one edit, the wait in the queue included
    comfyui_connect_seconds: float = 10.0  # to connect, and to say what it is
    comfyui_response_seconds: float = 300.0  # one response, an image's transfer included
    comfyui_poll_seconds: float = 5.0  # without news of a job its queue is looked at
    comfyui_cancel_seconds: float = 5.0
    comfyui_attempts: int = 3  # after as many failures in a row a server is gone
    comfyui_response_bytes: int = 600_000_000  # more than the largest result as an uncompressed PNG
    comfyui_history: bool = True  # whether edits of the HTTP API stay in its history, with their prompts
    comfyui_files_seconds: float = 7200.0  # how long its folders keep the files of such an edit


@dataclass(frozen=True)
class ProviderLimits(_Settings):
    """Limits of an edit at the provider: time, bytes, attempts and dollars.

    Attributes:
        max_usd, max_usd_per_day: by the catalogue's prices; a day is one of UTC.
        provider_seconds: one edit, all attempts and the waits between them included.
        provider_attempts: requests for one edit; only after a response that allows another.
        provider_wait_seconds, provider_longest_wait_seconds: the first and the longest wait between two
            attempts where the endpoint does not say how long.
        provider_response_bytes: of an image.
    """

    max_usd: float = 1.0
    max_usd_per_day: float = 10.0
    provider_seconds: float = 280.0
    provider_connect_seconds: float = 10.0
    provider_attempts: int = 4
    provider_wait_seconds: float = 0.5
    provider_longest_wait_seconds: float = 8.0
    provider_response_bytes: int = 150_000_000


@dataclass(frozen=True)
class ServerLimits(_Settings):
    """Limits of the HTTP server as a whole.

    Attributes:
        requests_per_minute: edits of one key.
        wrong_keys_per_minute: of one address; further ones get 429.
        failures, failure_seconds: an error budget: after more failed edits (4xx but 429) of one key and
            model within these seconds, further ones are refused for as long.
        edits_at_once: edits of one caller that are worked on at the same time in this process; one more is of
            another caller.
        edits_waiting: further ones that are received or wait; beyond them the response is 503.
        edit_seconds: from the moment that a request is whole to its response, the waiting included.
        upload_seconds, upload_idle_seconds: a whole body, and without a byte of it.
        upload_bytes_per_second: at least, over each `upload_idle_seconds`.
        connection_idle_seconds: a connection, before its first request is there and between two.
        connections, connections_per_address: open ones of `multiedit serve`; beyond them the oldest one
            without a request under way is closed. Fewer where the process may not open so many files.
        max_body_bytes: a JSON body, more than which is 413.
        json_bytes_at_once: JSON bodies that are in memory at the same time; others wait on disk.
        memory_bytes: what all edits together may take of memory here, by an estimate before an image is
            decoded; further ones wait. 0 is half of the machine's or of its container's.
        job_seconds: how long the result of a `respond-async` job is kept.
        job_bytes: of all kept results together; the oldest go first.
        drain_seconds: for the edits under way when the server is asked to end.
    """

    requests_per_minute: int = 20
    wrong_keys_per_minute: int = 20
    failures: int = 50
    failure_seconds: float = 30.0
    edits_at_once: int = 2
    edits_waiting: int = 64
    edit_seconds: float = 300.0
    upload_seconds: float = 300.0
    upload_idle_seconds: float = 20.0
    upload_bytes_per_second: int = 1024
    connection_idle_seconds: float = 75.0
    connections: int = 2048
    connections_per_address: int = 1024
    max_body_bytes: int = 35_000_000
    json_bytes_at_once: int = 105_000_000
    memory_bytes: int = 0
    job_seconds: float = 900.0
    job_bytes: int = 268_435_456
    drain_seconds: float = 7.0


@dataclass(frozen=True)
class ModelFolder(_Settings):
    """Where the command line looks for model files; "" for the ComfyUI in which the package lies."""

    models_folder: str = ""


@dataclass(frozen=True)
class HubAccess:
    """The hub that model files are downloaded from, by the variables that its own tools read."""

    endpoint: str
    token: str = field(repr=False)


def hub_access(environment: Mapping[str, str] = os.environ) -> HubAccess:
    """Read HF_ENDPOINT and HF_TOKEN.

    Raises:
        InvalidRequest: the endpoint is no address, or the token would be readable on the way to it.
    """
    endpoint = environment.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"
    token = environment.get("HF_TOKEN", "").strip()
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise InvalidRequest(f"HF_ENDPOINT is {describe(endpoint)}; it must begin with https:// or http://.")
    if token and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidRequest(
            f"HF_ENDPOINT is {describe(endpoint)}, and anybody on the way there could read HF_TOKEN. Name an "
            "https:// address, or unset HF_TOKEN."
        )
    return HubAccess(endpoint, token)
