"""The errors of multi-edit, one tree.

    MultiEditError
    |- InvalidRequest               a field is missing, unknown or out of its range
    |  |- UnknownModel              the model id is not in the catalogue
    |  `- UnsupportedValue          the model does not take this ratio, tier, prompt length or image count
    |- InvalidImage                 an input cannot be read as an image
    |  |- ImageTooSmall
    |  |- ImageTooLarge
    |  `- FileTooLarge
    |- FetchError
    |  |- FetchRefused              the address must not be fetched
    |  `- FetchFailed               the server did not deliver
    |- ModelUnavailable             the model is known, but cannot run on this machine now
    |  |- ModelFilesMissing         its files are not in ComfyUI's folders
    |  `- InvalidModelFile          a file of its weights is damaged or of another architecture
    |- SafetyError
    |  |- ClassifierMissing
    |  |- WeightsMismatch
    |  `- ContentRefused            safe mode refuses an input image
    |- EditFailed                   the edit itself went wrong
    |  |- EditInterrupted           somebody stopped it in ComfyUI
    |  |- ServerUnreachable         a ComfyUI or the provider cannot be reached
    |  `- ProviderError             the provider did not make the edit
    |     |- ProviderAuthError      it refuses the key, or the model to that key
    |     |- PaymentNeeded          the account's balance is too low
    |     |- ProviderContentRefused it refuses the prompt or the images
    |     |- ProviderUnavailable    it is at capacity, or offline
    |     `- ProviderResponseLost   no usable image came back, and it may have charged for one
    |- SpendingLimit                the user's own limit of what may be spent
    `- OutputError                  the result could not be written

Each class owns its HTTP status, its code in the contract's vocabulary and the exit code of the
command line. A message has the value, the limit and the next step, and nothing secret: it is shown
to clients as it stands.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping


class MultiEditError(Exception):
    """Base of every error that multi-edit raises on purpose.

    Args:
        message: one or two sentences for the person who made the request.
        field: the request field at fault in the contract's spelling (`images`, `aspect_ratio`,
            `multiedit.roles`), or None where no single field is.
    """

    status = 500
    code = "INTERNAL_ERROR"
    exit_code = 1

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def copy_with(self, *, field: str | None = None, status: int | None = None) -> MultiEditError:
        """Return a copy that names another field or has another status; None keeps the error's own."""
        copied = copy.copy(self)
        copied.field = self.field if field is None else field
        copied.status = self.status if status is None else status
        return copied


class InvalidRequest(MultiEditError):
    status = 400
    code = "INVALID_REQUEST"
    exit_code = 2


class UnknownModel(InvalidRequest):
    code = "INVALID_MODEL"


class UnsupportedValue(InvalidRequest):
    pass


class InvalidImage(MultiEditError):
    status = 400
    code = "CORRUPTED_IMAGE"
    exit_code = 3


class ImageTooSmall(InvalidImage):
    code = "IMAGE_TOO_SMALL"


class ImageTooLarge(InvalidImage):
    code = "IMAGE_TOO_LARGE"


class FileTooLarge(InvalidImage):
    status = 413
    code = "PAYLOAD_TOO_LARGE"


class FetchError(MultiEditError):
    status = 400
    code = "INVALID_IMAGE_URL"
    exit_code = 4


class FetchRefused(FetchError):
    pass


class FetchFailed(FetchError):
    status = 404


class ModelUnavailable(MultiEditError):
    status = 503
    code = "MODEL_OFFLINE"
    exit_code = 5


class ModelFilesMissing(ModelUnavailable):
    pass


class InvalidModelFile(ModelUnavailable):
    pass


class SafetyError(MultiEditError):
    code = "SAFETY_CHECK_FAILED"
    exit_code = 6


class ClassifierMissing(SafetyError):
    status = 503


class WeightsMismatch(SafetyError):
    pass


class ContentRefused(SafetyError):
    status = 422
    code = "CONTENT_POLICY_VIOLATION"


class EditFailed(MultiEditError):
    code = "IMAGE_EDIT_ERROR"


class EditInterrupted(EditFailed):
    pass


class ServerUnreachable(EditFailed):
    status = 503


class ProviderError(EditFailed):
    pass


class ProviderAuthError(ProviderError):
    status = 403
    code = "FORBIDDEN"


class PaymentNeeded(ProviderError):
    status = 402
    code = "INSUFFICIENT_BALANCE"


class ProviderContentRefused(ProviderError):
    status = 422
    code = "CONTENT_POLICY_VIOLATION"


class ProviderUnavailable(ProviderError):
    status = 503
    code = "MODEL_AT_CAPACITY"


class ProviderResponseLost(ProviderError):
    status = 424  # no client asks again by itself, as many do after a 5xx


class SpendingLimit(MultiEditError):
    status = 402
    code = "SPENDING_LIMIT"


class OutputError(MultiEditError):
    code = "OUTPUT_NOT_WRITTEN"
    exit_code = 7


def _walk(kind: type[MultiEditError]) -> Iterator[type[MultiEditError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _walk(each)


ERROR_CLASSES: Mapping[str, type[MultiEditError]] = {kind.__name__: kind for kind in _walk(MultiEditError)}
"""The classes of the tree by name, to raise again what another process of ours has raised."""
