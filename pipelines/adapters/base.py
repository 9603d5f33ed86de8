"""What an adapter is: the one that carries a plan out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ..pictures import PixelSource
from ..plan import EditPlan

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0..1."""


class EmbeddedAdapter(Protocol):
    """Carries a plan out in this process."""

    @property
    def name(self) -> str: ...

    def run(self, plan: EditPlan, pictures: Sequence[PixelSource], progress: Progress) -> Tensor:
        """The edited picture, float32 [1, plan.height, plan.width, 3 or 4], 0..1, sRGB, straight alpha.

        Args:
            pictures: the request's, in the plan's order of roles.

        Raises:
            InvalidImage: a picture turned out to be damaged when it was decoded.
            InvalidRequest: the plan asks for what the adapter cannot do.
        """
        ...
