"""A cache with a bound in bytes."""

from __future__ import annotations

import threading
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multiedit.pipelines.common.lru_cache import LRUCache


def cache(most: int = 10) -> LRUCache[bytes]:
    return LRUCache(most, len)


def made(texts: LRUCache[bytes], key: str, size: int = 4) -> bool:
    """Whether a value had to be made."""
    calls: list[str] = []

    def make() -> bytes:
        calls.append(key)
        return key.encode() * size

    assert texts.get(key, make) == key.encode() * size
    return bool(calls)


def holds(texts: LRUCache[bytes], key: Hashable) -> bool:
    """Whether a value is there, without making one."""

    def refuse() -> bytes:
        raise LookupError

    try:
        texts.get(key, refuse)
    except LookupError:
        return False
    return True


def test_a_value_is_made_once() -> None:
    texts = cache()
    assert [made(texts, "a"), made(texts, "a"), made(texts, "b"), made(texts, "a")] == [
        True,
        False,
        True,
        False,
    ]


def test_the_least_recently_used_goes_first() -> None:
    texts = cache()
    made(texts, "a")
    made(texts, "b")
    made(texts, "a")
    made(texts, "c")  # 12 bytes: b goes
    assert [made(texts, "a"), made(texts, "c")] == [False, False]
    assert made(texts, "b")
    assert made(texts, "a")  # the oldest of the two that b found


def test_a_value_as_large_as_all_is_kept_and_a_larger_one_drives_nothing_out() -> None:
    texts = cache()
    assert made(texts, "a", 10)
    assert not made(texts, "a", 10)
    assert made(texts, "b", 11)
    assert made(texts, "b", 11)
    assert not made(texts, "a", 10)


def test_what_fails_is_not_kept_and_raises() -> None:
    texts = cache()

    def fail() -> bytes:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        texts.get("a", fail)
    assert made(texts, "a")
    assert not made(texts, "a")


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12)), max_size=40))
def test_it_never_holds_more_than_its_bytes(asked: list[tuple[str, int]]) -> None:
    texts = cache()
    for key, size in asked:
        texts.get((key, size), lambda key=key, size=size: key.encode() * size)
        assert sum(size for key, size in set(asked) if holds(texts, (key, size))) <= 10


def test_two_threads_that_make_the_same_value_keep_one() -> None:
    texts, both = cache(), threading.Barrier(2)

    def make() -> bytes:
        both.wait(30)
        return b"aaaa"

    threads = [threading.Thread(target=texts.get, args=("a", make)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts.get("b", lambda: b"bbbbbb")  # the rest of the cache: what is counted twice would be forgotten
    assert not made(texts, "a")
