"""The handler of the routes that edit: from a body to a job, and from the job to the response."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiohttp import web

from ...pipelines.catalog.lookup import Catalog
from ...pipelines.common.settings import Limits
from ...pipelines.editing.pipeline import EditResult
from ...pipelines.planning.request import EditRequest
from ...pipelines.sources.source import SourceLoader, TextSource
from ...pipelines.sources.text import is_url
from .. import request_log
from ..backends.base import EditJobRequest
from ..body.multipart import Form
from ..body.uploads import Uploads
from ..edit_job import EditJob
from ..errors import ClientGone
from ..image_response import image_headers
from ..route import Call, Handler

_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class ParseContext:
    """Limits, models and files for the parser of an edit's fields.

    Attributes:
        available_models: gives the ids of the models that can run now.
    """

    limits: Limits
    catalog: Catalog
    loader: SourceLoader
    uploads: Uploads
    available_models: Callable[[], Awaitable[Collection[str]]]


@dataclass(frozen=True)
class EditFormat:
    """The format of one route that edits.

    Attributes:
        form: of a multipart body.
        parse: the fields of a JSON body or a form to the request; raises `InvalidRequest`.
        respond: the edited image to the response.
    """

    form: Form
    parse: Callable[[Any, ParseContext], Awaitable[EditJobRequest]]
    respond: Callable[[EditResult], web.Response]


def make_edit_handler(edit_format: EditFormat) -> Handler:
    """Make the handler of a route that edits."""

    async def handle(call: Call) -> web.StreamResponse:
        service = call.service
        _check_rates(call)
        respond_async = "respond-async" in call.request.headers.get("Prefer", "").lower()
        with contextlib.ExitStack() as resources:
            slot = resources.enter_context(service.jobs.reserve_slot(call.caller.id))
            uploads = Uploads(service.limits, service.server_limits.max_body_bytes)
            resources.callback(uploads.close)
            request = await service.jobs.receive(slot, _receive(call, edit_format, uploads))
            on_end = partial(_log_end, call) if respond_async else None
            fetch = partial(_fetch_images, request, service.loader, uploads)
            owner, translate = call.caller.id, call.route.translate
            job = service.jobs.start(fetch, owner, resources.pop_all(), translate, on_end)
        if respond_async:
            return _accept(call, job)
        result = await _wait_for(job, call.request)
        call.log_fields.update(request_log.result_fields(result))
        service.metrics.count_edit(result.seconds)
        response = await asyncio.to_thread(edit_format.respond, result)  # base64 may have 100 MB
        response.headers.update(image_headers(result))
        return response

    return handle


async def _receive(call: Call, edit_format: EditFormat, uploads: Uploads) -> EditJobRequest:
    """Read a body to a request, with its images out of memory."""
    service = call.service
    context = ParseContext(service.limits, service.catalog, service.loader, uploads, service.backend.models)
    owner = call.caller.id
    async with service.bodies.read(call.request, edit_format.form, uploads, owner) as fields:
        job = await edit_format.parse(fields, context)
        call.log_fields.update(request_log.request_fields(job, service.log_prompts))
        model = job.request.model_id or ""
        if model in {known.id for known in service.catalog}:
            call.log_fields["model"] = model
        else:
            model = ""  # unknown ones would be endless as labels
        call.headers.update(service.rates.check_failures(owner, model))
        for _ in range(job.count - 1):  # each result is an edit
            service.rates.count_request(owner)
        texts = await _store_images(job.request, service.loader, uploads, urls=False)
        received = replace(job, request=texts, owner=owner)
    await service.backend.check_edit(received)
    return received


async def _fetch_images(job: EditJobRequest, loader: SourceLoader, uploads: Uploads) -> EditJobRequest:
    """Fetch the URLs, before the edit has its turn: it does not wait for anybody's server then."""
    return replace(job, request=await _store_images(job.request, loader, uploads, urls=True))


def _check_rates(call: Call) -> None:
    rates, caller = call.service.rates, call.caller.id
    try:
        rates.count_request(caller)
    finally:
        call.headers.update(rates.headers(caller))
    call.headers.update(rates.check_failures(caller, ""))


async def _store_images(
    request: EditRequest, loader: SourceLoader, uploads: Uploads, *, urls: bool
) -> EditRequest:
    """Load the images that came as text, those to fetch or all others, to uploads, out of memory."""
    texts = {
        f"image {number}": source
        for number, source in enumerate(request.images, start=1)
        if isinstance(source, TextSource) and is_url(source.text) == urls
    }
    loaded = await loader.load_named(texts)
    stored = {name: await uploads.store(data, name) for name, data in loaded.items()}
    images = (stored.get(f"image {number}", source) for number, source in enumerate(request.images, start=1))
    return replace(request, images=tuple(images))


async def _wait_for(job: EditJob, request: web.Request) -> EditResult:
    """Wait for a job's result, and cancel it when its client disconnects."""
    try:
        while not job.finished.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(job.finished.wait(), _POLL_SECONDS)
            if request.transport is None or request.transport.is_closing():
                raise ClientGone("The client has disconnected.")
    finally:
        job.cancel()
    return job.require_result()


def _accept(call: Call, job: EditJob) -> web.Response:
    """Respond 202 with the job's address, below the same prefix as the request's."""
    call.service.jobs.keep(job)
    prefix = call.request.path.partition("/v1/")[0]
    address = f"{prefix}/v1/jobs/{job.id}"
    headers = {"Location": address, "Preference-Applied": "respond-async"}
    return web.json_response(job.state(address), status=202, headers=headers)


def _log_end(call: Call, job: EditJob) -> None:
    """Log and count the end of a job whose request got its 202 long ago."""
    fields = {} if job.result is None else request_log.result_fields(job.result)
    request_log.write({"id": call.id, "job": job.id, "status": job.status, **fields})
    if job.result is not None:
        call.service.metrics.count_edit(job.result.seconds)
