"""The response of an endpoint: a usable image, or the error that it means, with what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...common.errors import (
    ImageTooSmall,
    InvalidImage,
    InvalidRequest,
    MultiEditError,
    PaymentNeeded,
    ProviderAuthError,
    ProviderContentRefused,
    ProviderError,
    ProviderResponseLost,
    ProviderUnavailable,
)
from ...common.json_reader import read_json
from ...common.settings import PROVIDER_PREFIX, PROVIDER_VARIABLES, Limits, RequestLimits
from ...images.input_image import ImageFile, ImageTensor
from .settings import ProviderSettings

RETRIED = frozenset({429, 500, 502, 503, 504})
KINDS = ("png", "jpeg", "webp")
_LONGEST_WORDS = 500
_STEPS = ("step1", "step2", "step3", "receiverWallet", "tokenAddress", "network", "minimumAmountUsd")
_MAY_BE_CHARGED = "It may have been charged: look at the account before you try again."
# By status: what it is here, and the next step. Any other is a ProviderError.
_ERRORS: dict[int, tuple[type[MultiEditError], str]] = {
    400: (InvalidRequest, "`multiedit models --refresh` asks it what it takes now."),
    401: (ProviderAuthError, f"The key is wrong, or not for this model. Check {PROVIDER_VARIABLES}."),
    402: (PaymentNeeded, "Top the account up there; multi-edit never pays by itself."),
    403: (
        ProviderAuthError,
        "The key's privacy settings forbid this model, the region is blocked, or the key may not be used "
        "for the API. Change the key's settings there, or choose another model.",
    ),
    404: (ProviderError, f"Check the path of {PROVIDER_PREFIX}URL; it usually ends in /api/v1."),
    413: (ProviderError, "Send smaller images."),
    422: (
        ProviderContentRefused,
        "Change the prompt or the images; the same request will be refused again. It may have been charged "
        "if an image had been made already.",
    ),
    429: (ProviderUnavailable, "Wait a minute, and send less at the same time."),
    503: (ProviderUnavailable, "Try again later, or choose another model."),
}
# With these, and a redirect, nothing was made. Of others that cannot be known: a gateway that gives up (502,
# 504, 524) may have passed the edit on.
_FREE = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 429, 500, 503})
_LATER = "Try again later."
_VIOLATIONS = ("x-venice-is-content-violation", "x-venice-is-adult-model-content-violation")


@dataclass(frozen=True)
class ProviderResponse:
    """A whole response; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def retry_after(self) -> float | None:
        """The seconds that it asks to wait for, None where it names none."""
        try:
            seconds = float(self.headers.get("retry-after", ""))
        except ValueError:
            return None
        return seconds if math.isfinite(seconds) and seconds >= 0 else None

    @property
    def is_free_of_charge(self) -> bool:
        """Return whether it says that nothing was made, so that nothing is charged."""
        return self.status in _FREE or 300 <= self.status < 400

    def is_set(self, name: str) -> bool:
        """Return whether a header says true."""
        return self.headers.get(name, "").strip().lower() == "true"


def error_of(response: ProviderResponse, provider: ProviderSettings) -> MultiEditError:
    """The error that a response with another status than 200 means."""
    kind, advice = _ERRORS.get(response.status, (ProviderError, _LATER))
    if 300 <= response.status < 400:
        advice = f"It redirects, which is not followed with a key. Check {PROVIDER_VARIABLES}."
    if kind is ProviderError and not response.is_free_of_charge:
        kind, advice = ProviderResponseLost, _MAY_BE_CHARGED
    details = _object(response.body)
    steps = _payment(details, provider) if kind is PaymentNeeded else ()
    words = " ".join([_words(details, provider) or "no reason", *steps])
    return kind(f"The provider responded with {response.status}: {words}. {advice}")


def image_of(response: ProviderResponse, provider: ProviderSettings, limits: Limits) -> ImageTensor:
    """The image of a response with the status 200, checked and decoded.

    Raises:
        ProviderContentRefused: the response stands for a refusal.
        ProviderResponseLost: it is not a usable image.
    """
    if any(response.is_set(name) for name in _VIOLATIONS):
        raise ProviderContentRefused(
            f"The provider found a violation of its rules. Change the prompt or the images. {_MAY_BE_CHARGED}"
        )
    if details := _object(response.body):
        raise ProviderResponseLost(
            "The provider responded with 200 without an image: "
            f"{_words(details, provider) or 'no reason'}. {_MAY_BE_CHARGED}"
        )
    # A stub is smaller than what the contract makes. The connection has bounded the file's bytes.
    limits = replace(
        limits,
        min_side=RequestLimits.min_side,
        min_pixels=RequestLimits.min_pixels,
        max_file_bytes=len(response.body) + 1,
    )
    try:
        image = ImageFile(response.body, limits, "the image")
        pixels = image.image()
    except ImageTooSmall as error:
        raise ProviderContentRefused(
            f"The provider sent a stub, which stands for a refusal: {_sentence(error.message)} "
            f"Change the prompt or the images. {_MAY_BE_CHARGED}"
        ) from None
    except InvalidImage as error:
        raise ProviderResponseLost(
            f"The provider sent no usable image: {_sentence(error.message)} {_MAY_BE_CHARGED}"
        ) from None
    if image.header.format not in KINDS:
        raise ProviderResponseLost(
            f"The provider sent a {image.header.format} file; it may be {', '.join(KINDS)}. {_MAY_BE_CHARGED}"
        )
    return ImageTensor(pixels)


def notes(response: ProviderResponse, model: str, provider: ProviderSettings) -> Iterator[str]:
    """Return what the headers say of the image and its model."""
    headers = {name: provider.mask_secrets(value) for name, value in response.headers.items()}
    if (ran := headers.get("x-venice-model-id", model)) != model:
        yield f"The provider says that {_plain(ran)} made it."
    if response.is_set("x-venice-is-blurred"):
        yield "The provider's own safe mode has blurred it."
    warning = headers.get("x-venice-model-deprecation-warning", "")
    if warning or response.is_set("x-venice-deprecated"):
        date = headers.get("x-venice-model-deprecation-date", "")
        replacement = headers.get("x-venice-deprecated-replacement", "")
        yield (
            f"{model} is going to be switched off there{f' on {_plain(date)}' if date else ''}"
            f"{f'; its replacement is {_plain(replacement)}' if replacement else ''}."
        )


def balance(response: ProviderResponse) -> tuple[str, ...]:
    """Return what the headers say of the account: for the person who asked, and for no file."""
    for name in ("x-balance-remaining", "x-venice-balance-usd"):
        if name in response.headers:
            return (f"The account's balance there was {_plain(response.headers[name])} USD.",)
    return ()


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, empty where it is none."""
    try:
        details = read_json(body)
    except (ValueError, RecursionError):
        return {}
    return details if isinstance(details, dict) else {}


def _words(details: Mapping[str, Any], provider: ProviderSettings) -> str:
    """The endpoint's own words, short, printable and without a key."""
    issues = details.get("issues")
    listed = issues if isinstance(issues, list) else []
    parts = [details.get("error"), details.get("message")]
    parts += [issue.get("message") for issue in listed if isinstance(issue, dict)]
    words = [part for part in parts if isinstance(part, str) and part]
    return _plain(provider.mask_secrets("; ".join(dict.fromkeys(words))))


def _payment(details: Mapping[str, Any], provider: ProviderSettings) -> Iterator[str]:
    """Return how the account is topped up, where the body says so."""
    if "currentBalanceUsd" in details:
        yield f"(the balance is {_plain(str(details['currentBalanceUsd']))} USD)"
    steps = details.get("topUpInstructions")
    if isinstance(steps, dict):
        for name in _STEPS:
            if name in steps:
                yield f"- {name}: {_plain(provider.mask_secrets(str(steps[name])))}"


def _plain(text: str) -> str:
    shown = ascii(text[:_LONGEST_WORDS])[1:-1]
    return shown.rstrip(". ")


def _sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".") + "."
