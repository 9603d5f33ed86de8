"""Every route, in one table: what is mounted, on whichever server, and what openapi.py describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from ...pipelines.common.errors import ImageTooLarge, MultiEditError
from ..access.auth import Access
from ..jobs import JobState
from ..responses import Shape
from ..service import Handler
from . import jobs, multi_edit, openai, server_info
from .edit import edit_handler
from .models import ModelList


class ServerState(TypedDict):
    """That the server answers."""

    status: str


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Attributes:
        name: the operation's, in the schema.
        gives: the type of the answer: a TypedDict, bytes for a picture, or a content type.
        edits: it makes an edit, and counts against the limits of a caller.
        renames: what the pipeline calls the fields that this route has under other names.
        statuses: errors that this route answers with another status than their own.
        errors: statuses that it answers besides, with words for each.
    """

    method: str
    path: str
    name: str
    handler: Handler
    access: Access
    summary: str
    gives: Any
    shape: Shape = "hosted"
    edits: bool = False
    renames: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[type[MultiEditError], int] = field(default_factory=dict)
    errors: Mapping[int, str] = field(default_factory=dict)

    def renamed(self, error: MultiEditError) -> MultiEditError:
        """The error in this route's words."""
        if error.field is not None:
            first = error.field.partition(".")[0]
            error.field = self.renames.get(error.field, self.renames.get(first, error.field))
        if type(error) in self.statuses:
            error.status = self.statuses[type(error)]
        return error


_NO_JOB = {404: "There is no such job"}
_SINGLE_RENAMES = {"images": "image", "modelId": "model"}

ROUTES: tuple[Route, ...] = (
    Route(
        "POST", "/v1/image/multi-edit", "multiEditImage", edit_handler(multi_edit.MULTI_EDIT), "guarded",
        "Edit a picture from up to three layered images and one prompt", bytes, edits=True,
    ),
    Route(
        "POST", "/v1/image/edit", "editImage", edit_handler(multi_edit.SINGLE_EDIT), "guarded",
        "Edit one picture", bytes, edits=True, renames=_SINGLE_RENAMES, statuses={ImageTooLarge: 422},
    ),
    Route(
        "POST", "/v1/images/edits", "createImageEdit", edit_handler(openai.OPENAI_EDIT), "guarded",
        "Edit pictures, in OpenAI's shape", openai.OpenAIImages, "openai", edits=True, renames=openai.RENAMED,
    ),
    Route(
        "GET", "/v1/models", "listModels", server_info.models, "open",
        "The models, what each takes and costs, and whether it runs here", ModelList,
        errors={400: "There is no such type"},
    ),
    Route(
        "GET", "/v1/jobs/{id}", "getJob", jobs.state, "guarded",
        "How far a job is", JobState, errors=_NO_JOB,
    ),
    Route(
        "DELETE", "/v1/jobs/{id}", "cancelJob", jobs.cancel, "guarded",
        "Cancel a job, or drop its answer", bytes, errors=_NO_JOB,
    ),
    Route(
        "GET", "/v1/jobs/{id}/result", "getJobResult", jobs.result, "guarded",
        "The picture of a job; its error, if it has failed", bytes,
        errors={**_NO_JOB, 409: "The job has not finished, or was cancelled"},
    ),
    Route(
        "GET", "/v1/jobs/{id}/events", "followJob", jobs.events, "guarded",
        "The progress of a job as server-sent events", "text/event-stream", errors=_NO_JOB,
    ),
    Route(
        "GET", "/v1/health", "health", server_info.health, "public",
        "Whether the server answers", ServerState,
    ),
    Route(
        "GET", "/v1/ready", "ready", server_info.ready, "public",
        "Whether an edit would be taken now", ServerState, errors={503: "No edit would be taken"},
    ),
    Route(
        "GET", "/v1/openapi.json", "openapi", server_info.schema, "public",
        "This document", dict[str, Any],
    ),
    Route("GET", "/v1/docs", "docs", server_info.docs, "public", "The same as a page", "text/html"),
    Route(
        "GET", "/metrics", "metrics", server_info.metrics, "guarded",
        "Counters in Prometheus' text format", "text/plain", errors={404: "prometheus_client is missing"},
    ),
)  # fmt: skip
