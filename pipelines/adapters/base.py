"""The protocol of an adapter, which turns a plan into an edited image."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ..common.types import Away, OnProgress
from ..images.input_image import PixelSource
from ..planning.plan import EditPlan
from .extended_images import extended_images

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EditOutput:
    """An edited image, float32 [1, H, W, 3 or 4], 0..1, sRGB, straight alpha, and what is said of it.

    Attributes:
        notes: for the plan.
        messages: for the person who asked, and for no file.
        blurred: the provider has blurred it.
    """

    image: Tensor
    notes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    blurred: bool = False


class Adapter(Protocol):
    """Runs plans from this process."""

    @property
    def name(self) -> str: ...

    def run(
        self,
        plan: EditPlan,
        images: Sequence[PixelSource],
        progress: OnProgress,
        away: Away = nullcontext,
    ) -> EditOutput:
        """Edit, at the plan's size where the adapter decides on it.

        Args:
            images: the request's, in the plan's order of roles.
            away: entered once, where another machine makes the edit.

        Raises:
            InvalidImage: an image turned out to be damaged when it was decoded.
            InvalidRequest: the plan asks for what the adapter cannot do.
        """
        ...


def run_adapter(
    adapter: Adapter,
    plan: EditPlan,
    images: Sequence[PixelSource],
    progress: OnProgress,
    away: Away = nullcontext,
) -> tuple[EditPlan, EditOutput]:
    """Run an adapter; returns the plan with the size and notes of its output, and the output."""
    output = adapter.run(plan, extended_images(plan, images), progress, away)
    height, width = output.image.shape[1:3]
    return replace(plan, width=width, height=height, notes=(*plan.notes, *output.notes)), output
