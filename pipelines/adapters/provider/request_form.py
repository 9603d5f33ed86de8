"""A request's body as the endpoint takes it: JSON or a form, whichever is smaller."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from ...common.errors import FileTooLarge
from ...planning.plan import EditPlan
from .images import UploadFile

MAX_FORM_BYTES = 75_000_000  # three files of the contract's 25 MB
_SMALL_BYTES = 65_536  # more than that is never smaller in base64


@dataclass(frozen=True)
class ProviderForm:
    """A body that can be sent more than once.

    Attributes:
        size: bytes.
        text: JSON; None for a form.
    """

    size: int
    fields: Mapping[str, Any] = field(repr=False)
    files: Sequence[UploadFile] = field(repr=False)
    text: bytes | None = field(default=None, repr=False)

    def payload(self) -> dict[str, Any]:
        """Return what aiohttp's `request` takes; made anew for each attempt, since a form is used up."""
        if self.text is None:
            return {"data": _form(self.fields, self.files)}
        return {"data": self.text, "headers": {"Content-Type": "application/json"}}


def form_fields(plan: EditPlan, ratios: Sequence[str]) -> dict[str, Any]:
    """The contract's fields of a plan, without the images.

    Args:
        ratios: those that the model takes by name; any other is left to it.
    """
    fields = {
        "prompt": plan.prompt,
        "modelId": plan.model,
        "aspect_ratio": plan.aspect_ratio if plan.aspect_ratio in ratios else None,
        "resolution": plan.resolution,
        "quality": plan.quality,
        "output_format": "png",  # lossless, since it is encoded once more here
        "safe_mode": plan.safe_mode,
    }
    return {name: value for name, value in fields.items() if value is not None}


def make_body(fields: Mapping[str, Any], files: Sequence[UploadFile]) -> ProviderForm:
    """The smaller body.

    Raises:
        FileTooLarge: all images together are too much for one request.
    """
    size = _form(fields, files)().size or 0
    if sum(len(file.data) for file in files) <= _SMALL_BYTES:
        text = json.dumps({**fields, "images": [b64encode(file.data).decode() for file in files]}).encode()
        if len(text) <= size:
            return ProviderForm(len(text), fields, files, text)
    if size > MAX_FORM_BYTES:
        raise FileTooLarge(
            f"The images have {size} bytes together; the endpoint takes {MAX_FORM_BYTES}. Scale them down.",
            field="images",
        )
    return ProviderForm(size, fields, files)


def _form(fields: Mapping[str, Any], files: Sequence[UploadFile]) -> aiohttp.FormData:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for file in files:
        form.add_field("images", io.BytesIO(file.data), filename=file.name, content_type=file.media_type)
    return form
