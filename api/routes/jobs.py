"""The routes of jobs that were asked for with `Prefer: respond-async`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from ..backends.base import EditProgress
from ..errors import NotFinished
from ..jobs import EditJob
from ..responses import picture_answer, picture_headers
from ..service import Call

_BEAT_SECONDS = 15.0


def _job(call: Call) -> tuple[EditJob, str]:
    """The job that is asked for, and its address."""
    job = call.service.jobs.get(call.request.match_info["id"], call.caller.id)
    prefix = call.request.path.partition("/v1/")[0]
    return job, f"{prefix}/v1/jobs/{job.id}"


async def state(call: Call) -> web.StreamResponse:
    """GET /jobs/{id}."""
    job, address = _job(call)
    return web.json_response(job.state(address))


async def result(call: Call) -> web.StreamResponse:
    """GET /jobs/{id}/result: what the synchronous answer would have been."""
    job, address = _job(call)
    if job.ended is None:
        raise NotFinished(f"The job is {job.status}. Ask again, or follow {address}/events.", retry_after=1)
    edited = job.answer()
    response = picture_answer(edited)
    response.headers.update(picture_headers(edited))
    return response


async def cancel(call: Call) -> web.StreamResponse:
    """DELETE /jobs/{id}."""
    job, _ = _job(call)
    call.service.jobs.forget(job)
    return web.Response(status=204)


async def events(call: Call) -> web.StreamResponse:
    """GET /jobs/{id}/events: its progress as server-sent events, until its end."""
    job, address = _job(call)
    return web.Response(
        body=_stream(job, address),
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"},
    )


async def _stream(job: EditJob, address: str) -> AsyncIterator[bytes]:
    steps = job.follow().__aiter__()
    step: asyncio.Future[EditProgress] | None = None
    try:
        while True:
            step = step or asyncio.ensure_future(steps.__anext__())
            if not (await asyncio.wait([step], timeout=_BEAT_SECONDS))[0]:
                yield b": still working\n\n"
                continue
            try:
                yield _progress_event(step.result())
            except StopAsyncIteration:
                break
            step = None
    finally:
        if step is not None:
            step.cancel()
    yield _event(job.status, job.state(address))


def _progress_event(progress: EditProgress) -> bytes:
    said: dict[str, object] = {"stage": progress.stage, "share": round(progress.share, 3)}
    if progress.preview:
        said["preview"] = "data:image/jpeg;base64," + base64.b64encode(progress.preview).decode()
    return _event("progress", said)


def _event(name: str, data: Mapping[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
