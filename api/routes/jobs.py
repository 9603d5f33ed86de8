"""GET and DELETE /v1/jobs/{id}, GET /v1/jobs/{id}/result and /events: jobs of `Prefer: respond-async`."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from ..backends.base import EditProgress
from ..edit_job import EditJob, JobState
from ..errors import NotFinished
from ..image_response import image_response
from ..route import Call, Route

_KEEPALIVE_SECONDS = 15.0


def _find_job(call: Call) -> tuple[EditJob, str]:
    """Look up the job of the path, and its address."""
    job = call.service.jobs.get(call.request.match_info["id"], call.caller.id)
    prefix = call.request.path.partition("/v1/")[0]
    return job, f"{prefix}/v1/jobs/{job.id}"


async def _state(call: Call) -> web.StreamResponse:
    job, address = _find_job(call)
    return web.json_response(job.state(address))


async def _result(call: Call) -> web.StreamResponse:
    """Respond as the synchronous request would have."""
    job, address = _find_job(call)
    if job.ended is None:
        raise NotFinished(
            f"The job is {job.status}, not finished. Retry in 1 s, or follow {address}/events.", retry_after=1
        )
    return image_response(await job.load_result())


async def _cancel(call: Call) -> web.StreamResponse:
    job, _ = _find_job(call)
    call.service.jobs.discard(job)
    return web.Response(status=204)


async def _events(call: Call) -> web.StreamResponse:
    job, address = _find_job(call)
    headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    return web.Response(body=_stream(job, address), headers=headers)


async def _stream(job: EditJob, address: str) -> AsyncIterator[bytes]:
    """Yield the progress as server-sent events, and the job's state at its end."""
    updates = job.follow().__aiter__()
    update: asyncio.Future[EditProgress] | None = None
    try:
        while True:
            update = update or asyncio.ensure_future(updates.__anext__())
            if not (await asyncio.wait([update], timeout=_KEEPALIVE_SECONDS))[0]:
                yield b": still working\n\n"
                continue
            try:
                yield _format_progress(update.result())
            except StopAsyncIteration:
                break
            update = None
    finally:
        if update is not None:
            update.cancel()
    yield _format_event(job.status, job.state(address))


def _format_progress(progress: EditProgress) -> bytes:
    data: dict[str, object] = {"stage": progress.stage, "share": round(progress.share, 3)}
    if progress.preview:
        data["preview"] = "data:image/jpeg;base64," + base64.b64encode(progress.preview).decode()
    return _format_event("progress", data)


def _format_event(name: str, data: Mapping[str, object]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


_UNKNOWN = {404: "Unknown job"}

ROUTES = (
    Route(
        "GET", "/v1/jobs/{id}", "getJob", _state, "guarded", "Get the state of a job", JobState,
        error_descriptions=_UNKNOWN,
    ),
    Route(
        "DELETE", "/v1/jobs/{id}", "cancelJob", _cancel, "guarded", "Cancel a job, or discard its result",
        bytes, error_descriptions=_UNKNOWN,
    ),
    Route(
        "GET", "/v1/jobs/{id}/result", "getJobResult", _result, "guarded",
        "Get the image of a job, or the error of a failed one", bytes,
        error_descriptions={**_UNKNOWN, 409: "The job has not finished, or was cancelled"},
    ),
    Route(
        "GET", "/v1/jobs/{id}/events", "followJob", _events, "guarded",
        "Follow the progress of a job as server-sent events", "text/event-stream",
        error_descriptions=_UNKNOWN,
    ),
)  # fmt: skip
