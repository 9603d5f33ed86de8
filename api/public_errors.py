"""What callers read of the errors at the provider: nothing of the owner's account, limits or key."""

from __future__ import annotations

import logging

from ..pipelines.common.errors import (
    MultiEditError,
    OutputError,
    PaymentNeeded,
    ProviderAuthError,
    SpendingLimit,
)
from .access.auth import LOCAL_CALLER

_OWNER = "Ask the owner of this server, or choose another model."
# By class, in place of its message; what is not here says nothing that is only the owner's.
_MESSAGES: dict[type[MultiEditError], str] = {
    PaymentNeeded: f"This server's account at the provider is short of credit. {_OWNER}",
    ProviderAuthError: f"The provider refuses this server's key, or this model to it. {_OWNER}",
    SpendingLimit: f"This server's spending limit at the provider is reached. {_OWNER}",
    OutputError: "The server could not write a file that the edit needs. Ask its owner.",
}
_logger = logging.getLogger(__name__)


def public_error(error: MultiEditError, caller: str) -> MultiEditError:
    """The error as a caller may read it; the log has the whole of it.

    Args:
        caller: its id. Where no key is needed, the caller on this machine is the owner.
    """
    message = _MESSAGES.get(type(error))
    if message is None or caller == LOCAL_CALLER:
        return error
    _logger.error("an edit failed: %s", error.message)
    return type(error)(message, field=error.field)
