"""What a variable of the environment may hold, and what the error says."""

from __future__ import annotations

import pytest
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.settings import read_variable


@pytest.mark.parametrize(
    ("text", "default", "says"),
    [
        ("inf", 1.0, "MULTIEDIT_X is 'inf'; it must be a finite positive number."),
        ("nan", 1.0, "a finite positive number"),
        ("0", 1.0, "a finite positive number"),
        ("1.5", 1, "a positive whole number"),
        ("-1", 1, "a positive whole number"),
        ("9" * 5000, 1, "a positive whole number"),
        ("yes", True, "true, false, on or off"),
    ],
)
def test_a_value_that_cannot_be_says_what_can(text: str, default: float, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_variable("X", default, {"MULTIEDIT_X": text})
    assert says in caught.value.message
