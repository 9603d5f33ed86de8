"""HTTP with the configured endpoint: one request, again where that is allowed, and its whole response.

What may be sent again is what was refused with 429, 500, 502, 503 or 504 (facts sheet, section 7).
There is no idempotency key, so a connection that is lost after something was sent is an error at once: the
edit may have been made, and charged. Each attempt is booked before it is sent, since each may be charged.
Redirects are not followed: the key is for this address alone.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import aiohttp

from ...common.errors import ModelUnavailable, ProviderResponseLost, ServerUnreachable
from ...common.http_reading import TRANSPORT_ERRORS, failure_reason, nothing_was_sent, read_body
from ...common.settings import ProviderLimits
from .request_form import ProviderForm
from .responses import RETRIED, ProviderResponse
from .settings import ProviderSettings
from .wallet import HEADER, Wallet

_ERROR_BYTES = 1_000_000
_SHORTEST_SECONDS = 20.0  # an attempt with less would be sent, and charged, only to be given up
_CHARGED = (
    "The edit may have been made, and charged: look at the account before you try again. "
    "It is not sent a second time by itself."
)
OnStatus = Callable[[str], None]
"""Called with what is going on, in words."""
Book = Callable[[], Callable[[], None]]
"""Books the price of one attempt, or raises; what it returns gives it back."""


class ProviderConnection:
    """Requests to one endpoint.

    Args:
        clock: seconds, monotonic.
        chance: 0..1, so that clients that were refused together do not come back together.
    """

    def __init__(
        self,
        provider: ProviderSettings,
        limits: ProviderLimits,
        wallet: Wallet | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._limits = limits
        self._wallet = wallet or (Wallet(provider.wallet_key, provider.url) if provider.wallet_key else None)
        self._clock = clock
        self._chance = chance

    async def edit(self, body: ProviderForm, on_status: OnStatus, book: Book) -> ProviderResponse:
        """Send an edit. What `book` raises ends it before the attempt is sent.

        Returns:
            The last response, whatever its status.

        Raises:
            ServerUnreachable: nothing was sent.
            ProviderResponseLost: there is no whole response, not in time, or it is too large.
        """
        end = self._clock() + self._limits.provider_seconds
        for attempt in range(1, self._limits.provider_attempts + 1):
            response = await self._booked(body, end - self._clock(), book)
            wait = self._wait(response, attempt)
            late = self._clock() + wait + _SHORTEST_SECONDS > end
            if response.status not in RETRIED or late or attempt == self._limits.provider_attempts:
                break
            on_status(f"the provider responded with {response.status}; attempt {attempt + 1} in {wait:.1f} s")
            await asyncio.sleep(wait)
        return response

    async def models(self) -> ProviderResponse:
        """Ask for the list of the models that edit. Raises what `edit` does."""
        try:
            return await self._request("GET", "/models?type=inpaint", self._limits.provider_seconds, {})
        except ProviderResponseLost as error:
            raise ProviderResponseLost(error.message.replace(_CHARGED, "Try again later.")) from None

    async def _booked(self, body: ProviderForm, seconds: float, book: Book) -> ProviderResponse:
        """One attempt at an edit; it stays booked unless it was surely not charged."""
        give_back = book()
        try:
            response = await self._request("POST", "/image/multi-edit", seconds, body.payload())
        except (ServerUnreachable, ModelUnavailable):
            give_back()
            raise
        if response.is_free_of_charge:
            give_back()
        return response

    def _wait(self, response: ProviderResponse, attempt: int) -> float:
        """Seconds before the next attempt: what the endpoint says, else longer each time, with jitter."""
        asked = response.retry_after()
        if asked is not None:
            return asked
        longest = self._limits.provider_longest_wait_seconds
        return min(
            longest, self._limits.provider_wait_seconds * 2.0 ** (attempt - 1) * (1.0 + self._chance())
        )

    async def _request(
        self, method: str, path: str, seconds: float, payload: Mapping[str, Any]
    ) -> ProviderResponse:
        payload = {**payload, "headers": {**payload.get("headers", {}), **self._signed_in()}}
        timeout = aiohttp.ClientTimeout(total=seconds, connect=self._limits.provider_connect_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False, auto_decompress=False) as session,
                session.request(
                    method, self._provider.url + path, allow_redirects=False, **payload
                ) as response,
            ):
                headers = {name.lower(): value for name, value in response.headers.items()}
                limit = self._limits.provider_response_bytes if response.status == 200 else _ERROR_BYTES
                body = await read_body(response, partial(_check_size, limit))
                return ProviderResponse(response.status, headers, body)
        except TRANSPORT_ERRORS as error:
            failure = self._failure(error)
        # Out of the except clause: the library's error has the headers, and would hang on to this one.
        raise failure

    def _signed_in(self) -> dict[str, str]:
        """Return what says who asks; a signature is good for one request."""
        headers = {"Accept": "image/*, application/json", "Accept-Encoding": "identity"}
        if self._wallet is not None:
            return {**headers, HEADER: self._wallet.header()}
        return {**headers, "Authorization": f"Bearer {self._provider.key}"}

    def _failure(self, error: Exception) -> ProviderResponseLost | ServerUnreachable:
        reason = failure_reason(error)
        if nothing_was_sent(error):
            return ServerUnreachable(
                f"The provider: {reason}. Nothing was sent. Check the configured address, and the network."
            )
        if isinstance(error, asyncio.TimeoutError):
            reason += f"; MULTIEDIT_PROVIDER_SECONDS allows {self._limits.provider_seconds:g} s"
        return ProviderResponseLost(f"The provider: {reason}. {_CHARGED}")


def _check_size(limit: int, size: int, so_far: bool) -> None:
    if size > limit:
        raise ProviderResponseLost(
            f"The provider sends a response of {'at least ' if so_far else ''}{size} bytes; the limit is "
            f"{limit} (MULTIEDIT_PROVIDER_RESPONSE_BYTES for an image). {_CHARGED}"
        )
