"""The adapter of the closed models: a plan to the hosted endpoint, and its answer to a picture."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from ..adapters.base import Made, Progress
from ..catalog.lookup import Catalog
from ..errors import ModelUnavailable, ServerUnreachable
from ..limits import Limits
from ..pictures import PixelSource
from ..plan import EditPlan
from . import answers
from .answers import Answer
from .body import Body, make_body, request_fields
from .connection import Connection, Tell
from .ledger import Ledger
from .pictures import Pictures
from .planning import HOSTED
from .provider import Provider

_LOOK_SECONDS = 0.1
_TELL_SECONDS = 1.0
_USUAL_SECONDS = 20.0  # after which the progress is at its half
_OK = 200
_MAY_BE_CHARGED = (_OK, 422, 504)


class HostedAdapter:
    """Carries a plan out at the configured endpoint, within what the ledger allows.

    Args:
        catalog: of the models there.
        connect: makes a connection for one edit.
        tell: called with what is going on, in words.
        clock: seconds, monotonic.
    """

    name = HOSTED

    def __init__(
        self,
        provider: Provider,
        catalog: Catalog,
        limits: Limits,
        ledger: Ledger,
        connect: Callable[[], Connection],
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._catalog = catalog
        self._limits = limits
        self._ledger = ledger
        self._connect = connect
        self._tell = tell
        self._clock = clock

    def run(self, plan: EditPlan, pictures: Sequence[PixelSource], progress: Progress) -> Made:
        """See `EmbeddedAdapter.run`; in a thread without an event loop.

        `progress` is called several times a second, and what it raises closes the connection.

        Raises:
            SpendingLimit: it would cost too much.
            HostedError: any of that branch, or InvalidRequest, where the endpoint refuses.
            ServerUnreachable: nothing was sent.
        """
        work = Pictures(plan, pictures, self._limits)
        ratios = self._catalog.get(plan.model).fixed_ratios
        answer = self._paid(plan, make_body(request_fields(plan, ratios), work.files()), progress)
        if answer.status != _OK:
            raise answers.error_of(answer, self._provider)
        picture = answers.picture_of(answer, self._provider, self._limits)
        image = work.result(picture)
        notes = [*answers.notes(answer, plan.model)]
        if picture.size != (plan.width, plan.height):
            kept = "fitted to the plan's size" if plan.keep_size or "mask" in plan.roles else "kept as it is"
            notes.append(
                f"The hosted provider made {picture.size[0]}x{picture.size[1]} where "
                f"{plan.width}x{plan.height} was expected; it is {kept}."
            )
        blurred = answer.is_set("x-venice-is-blurred")
        return Made(image, tuple(notes), answers.balance(answer), blurred)

    def _paid(self, plan: EditPlan, body: Body, progress: Progress) -> Answer:
        """The answer to a request that is within the limits of spending."""
        give_back = self._ledger.take(plan.price_usd or 0.0)
        try:
            answer = asyncio.run(self._answer(plan, body, progress))
        except (ServerUnreachable, ModelUnavailable):
            give_back()
            raise
        if answer.status not in _MAY_BE_CHARGED:
            give_back()
        return answer

    async def _answer(self, plan: EditPlan, body: Body, progress: Progress) -> Answer:
        about = f"{plan.model}: about {plan.price_usd or 0.0:g} USD, {body.size / 1e6:.1f} MB sent"
        asked = asyncio.ensure_future(self._connect().edit(body, self._tell))
        started = told = self._clock()
        self._tell(about)
        try:
            while not asked.done():
                await asyncio.wait([asked], timeout=_LOOK_SECONDS)
                waited = self._clock() - started
                progress(waited / (waited + _USUAL_SECONDS))
                if self._clock() - told >= _TELL_SECONDS:
                    told = self._clock()
                    self._tell(f"{about}, waiting for {waited:.0f} s")
        finally:
            asked.cancel()
        return asked.result()
