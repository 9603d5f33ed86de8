"""The adapter of the closed models: a plan to the provider, and its response to an image."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...catalog.lookup import Catalog
from ...common.settings import Limits
from ...common.types import Away, OnProgress
from ...images.input_image import PixelSource
from ...planning.plan import EditPlan
from ...planning.provider import PROVIDER
from ..base import EditOutput
from . import responses
from .connection import Book, OnStatus, ProviderConnection
from .images import ProviderImages
from .request_form import ProviderForm, form_fields, make_body
from .responses import ProviderResponse
from .settings import ProviderSettings
from .spending import SpendingLog

_POLL_SECONDS = 0.1
_STATUS_SECONDS = 1.0
_USUAL_SECONDS = 20.0  # after which the progress is at its half
_OK = 200


@dataclass(frozen=True, eq=False)
class ProviderAdapter:
    """Carries a plan out at the configured endpoint, within what the ledger allows.

    Args:
        catalog: of the models there.
        connect: makes a connection for one edit.
        on_status: called with what is going on, in words.
        clock: seconds, monotonic.
    """

    name = PROVIDER

    provider: ProviderSettings
    catalog: Catalog
    limits: Limits
    ledger: SpendingLog
    connect: Callable[[], ProviderConnection]
    on_status: OnStatus
    clock: Callable[[], float] = time.monotonic

    def run(
        self,
        plan: EditPlan,
        images: Sequence[PixelSource],
        progress: OnProgress,
        away: Away = contextlib.nullcontext,
    ) -> EditOutput:
        """See `Adapter.run`; in a thread without an event loop.

        `progress` is called several times a second, and what it raises closes the connection.

        Raises:
            SpendingLimit: it would cost too much.
            ProviderError: any of that branch, or InvalidRequest, where the endpoint refuses.
            ServerUnreachable: nothing was sent.
        """
        work = ProviderImages(plan, images, self.limits)
        if (base := work.kept_base()) is not None:  # of a batch; a mask of nothing at all is refused before
            return EditOutput(base, ("Nothing is sent or charged: the mask selects nothing.",))
        ratios = self.catalog.get(plan.model).fixed_ratios
        body = make_body(form_fields(plan, ratios), work.files())
        for image in images:
            image.forget_pixels()
        with away():
            response = asyncio.run(self._send(plan, body, progress))
        if response.status != _OK:
            raise responses.error_of(response, self.provider)
        made = responses.image_of(response, self.provider, self.limits)
        notes = [*responses.notes(response, plan.model, self.provider)]
        if made.size != (plan.width, plan.height):
            kept = "fitted to the plan's size" if plan.keep_size or "mask" in plan.roles else "kept as it is"
            notes.append(
                f"The provider made {made.size[0]}x{made.size[1]} where "
                f"{plan.width}x{plan.height} was expected; it is {kept}."
            )
        blurred = response.is_set("x-venice-is-blurred")
        return EditOutput(work.result(made), tuple(notes), responses.balance(response), blurred)

    def require(self, plan: EditPlan, frames: int) -> None:
        """Refuse a batch that the day's limit would end when a part of it is paid for already, and lost.

        Raises:
            SpendingLimit: all frames together cost too much.
        """
        usd = plan.price_usd or 0.0
        self.ledger.require(usd, frames)
        if frames > 1:
            self.on_status(f"{plan.model}: {frames} frames, about {usd * frames:g} USD together")

    def _booking(self, usd: float) -> Book:
        """Books each attempt of one edit, all together within the limit of one."""
        booked = 0

        def book() -> Callable[[], None]:
            nonlocal booked
            give_back = self.ledger.book(usd, booked * usd)
            booked += 1

            def undo() -> None:
                nonlocal booked
                booked -= 1
                give_back()

            return undo

        return book

    async def _send(self, plan: EditPlan, body: ProviderForm, progress: OnProgress) -> ProviderResponse:
        about = f"{plan.model}: about {plan.price_usd or 0.0:g} USD, {body.size / 1e6:.1f} MB sent"
        book = self._booking(plan.price_usd or 0.0)
        edit = asyncio.ensure_future(self.connect().edit(body, self.on_status, book))
        started = reported = self.clock()
        self.on_status(about)
        try:
            while not edit.done():
                await asyncio.wait([edit], timeout=_POLL_SECONDS)
                waited = self.clock() - started
                progress(waited / (waited + _USUAL_SECONDS))
                if self.clock() - reported >= _STATUS_SECONDS:
                    reported = self.clock()
                    self.on_status(f"{about}, waiting for {waited:.0f} s")
        finally:
            edit.cancel()
        return edit.result()
