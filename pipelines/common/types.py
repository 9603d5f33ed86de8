"""Types that every folder uses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

Size = tuple[int, int]
"""(width, height) in pixels."""

OnProgress = Callable[[float], None]
"""Called with the share of the work that is done, 0..1; what it raises ends the work."""

Away = Callable[[], AbstractContextManager[object]]
"""Makes the context of the time that another machine works, while no pixels are in memory here."""
