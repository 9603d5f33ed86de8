"""The note about a request that runs here, but not over HTTP, where the contract's limits hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..common.errors import MultiEditError
from ..common.settings import RequestLimits
from ..images.header import read_size
from ..images.input_image import ImageFile
from ..layers.extension import resolve_extension
from ..planning.plan import EditPlan
from ..planning.request import EditRequest, read_images

_LIMITS = RequestLimits()


def with_api_note(plan: EditPlan, request: EditRequest, images: Sequence[ImageFile]) -> EditPlan:
    """Return the plan with a note where the HTTP API refuses the request by its default limits."""
    checks: list[Callable[[], object]] = [partial(read_images, request.images, "images", limits=_LIMITS)]
    checks += [partial(read_size, image.data, _LIMITS, image.name) for image in images]
    if (extend := request.multiedit.extend) is not None:
        checks.append(partial(resolve_extension, extend, images[0].size, _LIMITS))
    reasons = []
    for check in checks:
        try:
            check()
        except MultiEditError as error:
            reasons.append(error.message.partition(". ")[0])
    if not reasons:
        return plan
    note = f"The HTTP API refuses this request by its default limits: {', and '.join(reasons)}."
    return replace(plan, notes=(*plan.notes, note))
