"""How long a ComfyUI is waited for, and how much it may send."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ....common.settings import overrides


@dataclass(frozen=True)
class ComfyUILimits:
    """Overridden by the environment as `Limits` is: `MULTIEDIT_COMFYUI_SECONDS=7200`."""

    comfyui_seconds: float = 3600.0  # one edit, the wait in the queue included
    comfyui_connect_seconds: float = 10.0  # to connect, and to say what it is
    comfyui_answer_seconds: float = 300.0  # one answer, a picture's transfer included
    comfyui_poll_seconds: float = 5.0  # without news of a job its queue is looked at
    comfyui_cancel_seconds: float = 5.0
    comfyui_attempts: int = 3  # after as many failures in a row a server is gone
    comfyui_answer_bytes: int = 300_000_000  # more than the largest result as an uncompressed PNG

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ComfyUILimits:
        """Read the overrides.

        Raises:
            InvalidRequest: a variable is not a positive number.
        """
        return replace(cls(), **overrides(cls, environment))
