"""The protocol between the routes and the edits, with the request and progress of a job."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...pipelines.editing.pipeline import EditResult
from ...pipelines.planning.request import EditRequest


@dataclass(frozen=True)
class EditJobRequest:
    """One edit to run.

    Attributes:
        encode_options: fields of `EncodeOptions` besides the format.
        owner: the caller's id; callers take turns.
        count: results, each with the next seed.
    """

    request: EditRequest
    encode_options: Mapping[str, Any] = field(default_factory=dict)
    owner: str = ""
    count: int = 1


@dataclass(frozen=True)
class EditProgress:
    """The stage of an edit, the share of it that is done (0 to 1), and a JPEG preview where there is one."""

    stage: str
    share: float
    preview: bytes | None = field(default=None, repr=False)


OnProgress = Callable[[EditProgress], None]
"""Called in the event loop's thread."""


class Backend(Protocol):
    """Runs edits."""

    async def models(self) -> Collection[str]:
        """Return the ids of the models that can run now."""
        ...

    async def check(self) -> str | None:
        """Return why no edit can run now, or None."""
        ...

    async def check_edit(self, job: EditJobRequest) -> None:
        """Refuse what can be refused at once, behind no other edit; its URLs are not fetched.

        Raises:
            MultiEditError: what `edit` would raise.
        """
        ...

    async def edit(self, job: EditJobRequest, on_progress: OnProgress) -> EditResult:
        """Run one edit; a cancelled one ends as soon as it can.

        Raises:
            MultiEditError: any of the tree.
        """
        ...
