"""What an edit by a hosted endpoint may take: time, bytes, attempts and dollars."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...common.settings import overrides


@dataclass(frozen=True)
class ProviderLimits:
    """Overridden by the environment as `Limits` is: `MULTIEDIT_MAX_USD=0.2`.

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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ProviderLimits:
        """Read the overrides.

        Raises:
            InvalidRequest: a variable is not a positive number.
        """
        return replace(cls(), **overrides(cls, environment))
