"""What the server as a whole may cost, beside what one request may cost (pipelines/common/settings.py)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..pipelines.common.settings import overrides


@dataclass(frozen=True)
class ServerLimits:
    """A field is overridden by `MULTIEDIT_<FIELD>`, upper case: `MULTIEDIT_REQUESTS_PER_MINUTE=60`.

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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ServerLimits:
        """Read the overrides.

        Raises:
            InvalidRequest: a variable is not a positive number.
        """
        return replace(cls(), **overrides(cls, environment))
