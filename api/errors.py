"""What only the HTTP face refuses; they join the tree of pipelines/common/errors.py.

MultiEditError
|- Unauthorized              no key, or one that is not known
|- NotFound                  no such job, or not this key's
|- NotFinished               the job has no answer yet
|- BodyTooLarge
|- UnsupportedMedia          an empty body, or one in a charset or encoding that is not read
|- RateLimited               too many requests, or too many that failed
|- ServerBusy                the queue is full, or the server is ending
|- EditTimeout               no answer within the time limit
|- EditCancelled             by the client
|- ClientGone                before it had its answer; only the log sees it
`- StorageFull               an upload found no room on the disk
"""

from __future__ import annotations

from ..pipelines.common.errors import MultiEditError


class HttpError(MultiEditError):
    """An error with what the answer's headers say of it.

    Args:
        retry_after: seconds after which the client may try again, or None.
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
    """Drop the frames of an error that has been told: they hold the pictures of its request."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
