"""The routes that edit: from a body to a job, and from the job to the answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiohttp import web

from ...pipelines.planning.request import EditRequest
from ...pipelines.sources.source import ImageSource, SourceLoader, TextSource
from ...pipelines.sources.text import is_url
from .. import request_log
from ..backends.base import Edited, Work
from ..body.multipart import Form
from ..body.uploads import Uploads
from ..errors import ClientGone
from ..jobs import EditJob
from ..request_log import edit_facts, work_facts
from ..responses import picture_headers
from ..service import Call, Handler, Service

_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class EditForm:
    """How one route takes an edit, and gives it back.

    Attributes:
        form: of a multipart body.
        work: the fields of a body, JSON or form, to the work; raises what is wrong with them.
        answer: the edited picture to the answer.
    """

    form: Form
    work: Callable[[Any, Service, Uploads], Awaitable[Work]]
    answer: Callable[[Edited], web.Response]


def edit_handler(how: EditForm) -> Handler:
    """The handler of a route that edits."""

    async def handle(call: Call) -> web.StreamResponse:
        service = call.service
        _check_rates(call)
        with contextlib.ExitStack() as held:
            held.enter_context(service.jobs.place())
            uploads = held.enter_context(Uploads(service.limits, service.server_limits.max_body_bytes))
            work = await service.jobs.receive(_received(call, how, uploads))
            job = service.jobs.start(work, call.caller.id, held.pop_all(), call.route.renamed)
        if "respond-async" in call.request.headers.get("Prefer", "").lower():
            return _accepted(call, job)
        edited = await _awaited(job, call.request)
        call.facts.update(edit_facts(edited))
        service.metrics.edited(edited.seconds)
        response = await asyncio.to_thread(how.answer, edited)  # it may be base64 of 100 MB
        response.headers.update(picture_headers(edited))
        return response

    return handle


async def _received(call: Call, how: EditForm, uploads: Uploads) -> Work:
    """The work that a body asks for, with its pictures out of memory."""
    service = call.service
    async with service.bodies.fields(call.request, how.form, uploads) as fields:
        work = await how.work(fields, service, uploads)
        call.facts.update(work_facts(work, service.log_prompts), **_model(work.request, service))
        call.headers.update(service.rates.check_failures(call.caller.id, str(call.facts.get("model", ""))))
        return replace(work, request=await _stored(work.request, service.loader, uploads))


def _check_rates(call: Call) -> None:
    rates, caller = call.service.rates, call.caller.id
    try:
        rates.count(caller)
    finally:
        call.headers.update(rates.told(caller))
    call.headers.update(rates.check_failures(caller, ""))


def _model(request: EditRequest, service: Service) -> dict[str, str]:
    """The model that is asked for; none of the catalogue is none, so that their number is bounded."""
    known = {model.id for model in service.catalog}
    return {"model": request.model_id} if request.model_id in known else {}


async def _stored(request: EditRequest, loader: SourceLoader, uploads: Uploads) -> EditRequest:
    """The same request with pictures that came as text decoded and out of memory."""
    images: list[ImageSource] = []
    for number, source in enumerate(request.images, start=1):
        name = f"image {number}"
        if isinstance(source, TextSource) and not is_url(source.text):
            source = await uploads.keep(await loader.load(source, name), name)
        images.append(source)
    return replace(request, images=tuple(images))


async def _awaited(job: EditJob, request: web.Request) -> Edited:
    """The job's answer; a job whose client has gone is cancelled."""
    try:
        while not job.over.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(job.over.wait(), _LOOK_SECONDS)
            if request.transport is None or request.transport.is_closing():
                raise ClientGone("The client has gone.")
    finally:
        job.cancel()
    return job.answer()


def _accepted(call: Call, job: EditJob) -> web.Response:
    """202 with the job's address, on the same prefix as the request's."""
    call.service.jobs.keep(job)
    job.when_over = partial(_note_end, call)
    prefix = call.request.path.partition("/v1/")[0]
    address = f"{prefix}/v1/jobs/{job.id}"
    headers = {"Location": address, "Preference-Applied": "respond-async"}
    return web.json_response(job.state(address), status=202, headers=headers)


def _note_end(call: Call, job: EditJob) -> None:
    """A line of its own for the end of a job whose request was answered long ago."""
    facts = {} if job.edited is None else edit_facts(job.edited)
    request_log.write({"id": call.id, "job": job.id, "status": job.status, **facts})
    if job.edited is not None:
        call.service.metrics.edited(job.edited.seconds)
