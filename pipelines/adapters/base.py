"""What an adapter is: the one that carries a plan out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ..common.types import OnProgress
from ..images.input_image import PixelSource
from ..planning.plan import EditPlan

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class EditOutput:
    """An edited picture, float32 [1, H, W, 3 or 4], 0..1, sRGB, straight alpha, and what is said of it.

    Attributes:
        notes: for the plan.
        told: for the person who asked, and for no file.
        blurred: whoever made it has obscured it.
    """

    image: Tensor
    notes: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    blurred: bool = False


class Adapter(Protocol):
    """Carries a plan out from this process."""

    @property
    def name(self) -> str: ...

    def run(
        self, plan: EditPlan, pictures: Sequence[PixelSource], progress: OnProgress
    ) -> Tensor | EditOutput:
        """The edited picture, of the plan's size where the adapter decides on it.

        Args:
            pictures: the request's, in the plan's order of roles.

        Raises:
            InvalidImage: a picture turned out to be damaged when it was decoded.
            InvalidRequest: the plan asks for what the adapter cannot do.
        """
        ...


def run_adapter(
    adapter: Adapter, plan: EditPlan, pictures: Sequence[PixelSource], progress: OnProgress
) -> tuple[EditPlan, EditOutput]:
    """The picture, and the plan as it was carried out: with the picture's size and its maker's notes."""
    answer = adapter.run(plan, pictures, progress)
    made = answer if isinstance(answer, EditOutput) else EditOutput(answer)
    height, width = made.image.shape[1:3]
    return replace(plan, width=width, height=height, notes=(*plan.notes, *made.notes)), made
