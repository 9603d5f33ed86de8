"""Copies of errors with another field or status."""

from __future__ import annotations

import pytest
from multiedit.api.errors import ServerBusy
from multiedit.pipelines.common.errors import ImageTooLarge, MultiEditError


@pytest.mark.parametrize(
    "error", [ImageTooLarge("too large", field="images"), ServerBusy("busy", field="images", retry_after=7.0)]
)
def test_a_copy_differs_in_what_is_given_and_the_original_stays(error: MultiEditError) -> None:
    before = dict(vars(error))
    copied = error.copy_with(field="image", status=422)
    assert type(copied) is type(error)
    assert (copied.field, copied.status) == ("image", 422)
    assert (str(copied), copied.message) == (error.message, error.message)
    assert vars(error) == before
    assert vars(error.copy_with()) == {**before, "status": error.status}
    assert getattr(copied, "retry_after", None) == before.get("retry_after")
