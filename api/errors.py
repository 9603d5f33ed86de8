"""The errors that only the HTTP API raises; they extend the tree of pipelines/common/errors.py.

MultiEditError
`- HttpError
   |- Unauthorized              no key, or an unknown one
   |- NotFound                  an unknown job, or another key's
   |- NotFinished               the job has no result yet
   |- BodyTooLarge
   |- UnsupportedMedia          an empty body, or an unsupported charset or encoding
   |- RateLimited               too many requests, or too many failed ones
   |- ServerBusy                the queue is full, or the server is shutting down
   |- EditTimeout               no result within the time limit
   |- EditCancelled             by the client
   |- ClientGone                disconnected before its response; only the log has it
   `- StorageFull               the disk is full, or its folder of temporary files cannot be written
"""

from __future__ import annotations

from ..pipelines.common.errors import MultiEditError


class HttpError(MultiEditError):
    """An error with its `Retry-After` header.

    Args:
        retry_after: seconds after which the client may retry, or None.
    """

    def __init__(self, message: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, field=field)
        self.retry_after = retry_after


class Unauthorized(HttpError):
    status = 401
    code = "AUTHENTICATION_FAILED"


class NotFound(HttpError):
    status = 404
    code = "NOT_FOUND"


class NotFinished(HttpError):
    status = 409
    code = "NOT_FINISHED"


class BodyTooLarge(HttpError):
    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMedia(HttpError):
    status = 415
    code = "INVALID_CONTENT_TYPE"


class RateLimited(HttpError):
    status = 429
    code = "RATE_LIMIT_EXCEEDED"


class ServerBusy(HttpError):
    status = 503
    code = "MODEL_AT_CAPACITY"


class EditTimeout(HttpError):
    status = 504
    code = "REQUEST_TIMEOUT"


class EditCancelled(HttpError):
    status = 409
    code = "CANCELLED"


class ClientGone(HttpError):
    status = 499
    code = "CLIENT_GONE"


class StorageFull(HttpError):
    status = 503
    code = "STORAGE_FULL"


def drop_traceback(error: BaseException) -> None:
    """Drop the frames of an error that has been reported: they hold the images of its request."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
