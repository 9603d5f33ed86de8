"""What stands between the routes and the work: one small protocol, carried out in one of three ways."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...pipelines.editing.pipeline import EditResult
from ...pipelines.planning.request import EditRequest


@dataclass(frozen=True)
class Work:
    """One edit to be made: the request, and fields of `EncodeOptions` besides the format."""

    request: EditRequest
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited:
    """A finished edit.

    Attributes:
        width, height: of the picture in pixels.
        seconds: by stage.
        plan: what was decided, as `EditPlan.to_dict` has it.
    """

    data: bytes = field(repr=False)
    media_type: str
    model: str
    model_name: str
    width: int
    height: int
    blurred: bool
    seconds: Mapping[str, float]
    plan: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, result: EditResult) -> Edited:
        """What an editor has made."""
        plan, file = result.plan, result.file
        return cls(
            data=file.data,
            media_type=file.media_type,
            model=plan.model,
            model_name=plan.model_name,
            width=plan.width,
            height=plan.height,
            blurred=result.blurred,
            seconds=result.seconds,
            plan=plan.to_dict(),
        )


@dataclass(frozen=True)
class EditProgress:
    """How far an edit is: a stage, the share of it that is done, and a JPEG to look at where there is one."""

    stage: str
    share: float
    preview: bytes | None = field(default=None, repr=False)


Listener = Callable[[EditProgress], None]
"""Called in the event loop's thread."""


class Backend(Protocol):
    """Carries edits out."""

    async def models(self) -> Collection[str]:
        """Ids of the models that can run now."""
        ...

    async def check(self) -> str | None:
        """Why no edit can be made now, or None."""
        ...

    async def edit(self, work: Work, listen: Listener) -> Edited:
        """Carry one edit out; when this is cancelled, the work ends as soon as it can.

        Raises:
            MultiEditError: any of the tree.
        """
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...
