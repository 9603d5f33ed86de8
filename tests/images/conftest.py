"""What tests of images share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Keep the collector from passing over other tests' objects, half a second, in what is timed here."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
