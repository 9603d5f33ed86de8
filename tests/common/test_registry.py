"""The table behind the catalogue and the profiles."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from multiedit.pipelines.common.errors import InvalidRequest
from multiedit.pipelines.common.registry import Registry


@dataclass(frozen=True)
class Fruit:
    id: str


class Fruits(Registry[Fruit]):
    kind = "fruit"
    next_step = "see the market"
    error = InvalidRequest


def test_entries_are_found_by_id_and_keep_their_order() -> None:
    fruits = Fruits([Fruit("pear"), Fruit("apple")])
    assert fruits.get("apple") == Fruit("apple")
    assert [fruit.id for fruit in fruits] == ["pear", "apple"]
    assert len(fruits) == 2


def test_an_unknown_id_names_the_nearest() -> None:
    with pytest.raises(InvalidRequest) as caught:
        Fruits([Fruit("pear"), Fruit("apple")]).get("appel")
    assert caught.value.message == (
        "Unknown fruit 'appel'. The nearest known one is 'apple'; see the market."
    )


@pytest.mark.parametrize("asked", ["strawberry", "", "x" * 10_000])
def test_an_id_like_no_other_has_no_suggestion(asked: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Fruits([Fruit("pear"), Fruit("apple")]).get(asked)
    assert caught.value.message.endswith(". See the market.")
    assert len(caught.value.message) < 130


def test_an_id_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="fruit pear is listed twice"):
        Fruits([Fruit("pear"), Fruit("pear")])
