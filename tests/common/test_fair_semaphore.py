"""The fair semaphore: turns, sizes and cancellation."""

from __future__ import annotations

import asyncio

import pytest
from multiedit.pipelines.common.fair_semaphore import FairSemaphore


def test_holders_wait_in_order() -> None:
    async def scenario() -> list[str]:
        semaphore, order = FairSemaphore(10), list[str]()

        async def hold(name: str, size: int) -> None:
            async with semaphore.hold("one", size):
                order.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(hold("first", 6), hold("second", 6), hold("small", 1), hold("enormous", 99))
        return order

    assert asyncio.run(scenario()) == ["first", "second", "small", "enormous"]


def test_a_caller_that_holds_little_goes_before_the_queue_of_another() -> None:
    async def scenario() -> list[str]:
        semaphore, order, end = FairSemaphore(10), list[str](), asyncio.Event()

        async def hold(owner: str, size: int) -> None:
            async with semaphore.hold(owner, size):
                order.append(f"{owner}{size}")
                await end.wait()

        tasks = [asyncio.ensure_future(hold("a", size)) for size in (6, 9, 8, 7)]
        await asyncio.sleep(0)
        tasks += [asyncio.ensure_future(hold("b", size)) for size in (2, 5)]
        await asyncio.sleep(0.01)
        assert order == ["a6", "b2"]
        end.set()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(scenario()) == ["a6", "b2", "a9", "b5", "a8", "a7"]


def test_one_caller_leaves_room_for_another() -> None:
    async def scenario() -> list[str]:
        semaphore, order, end = FairSemaphore(3, most=2), list[str](), asyncio.Event()

        async def hold(owner: str) -> None:
            async with semaphore.hold(owner):
                order.append(owner)
                await end.wait()

        tasks = [asyncio.ensure_future(hold(owner)) for owner in "aaabb"]
        await asyncio.sleep(0.01)
        assert order == ["a", "a", "b"]
        end.set()
        await asyncio.gather(*tasks)
        return order

    assert sorted(asyncio.run(scenario())) == list("aaabb")


def test_nothing_is_held_while_others_wait() -> None:
    async def scenario() -> None:
        semaphore = FairSemaphore(1)
        async with semaphore.hold("one"):
            waiting = asyncio.ensure_future(semaphore.hold("two").__aenter__())
            await asyncio.sleep(0)
            async with semaphore.hold("three", 0):
                assert not waiting.done()
            waiting.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 1))


def test_a_cancelled_holder_holds_nothing() -> None:
    async def scenario() -> list[int]:
        semaphore = FairSemaphore(10)
        held = []

        async def hold(size: int) -> None:
            async with semaphore.hold("one", size):
                held.append(size)
                await asyncio.sleep(0)

        first, waiting = asyncio.ensure_future(hold(9)), asyncio.ensure_future(hold(8))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(first, waiting, return_exceptions=True)
        await asyncio.wait_for(hold(10), 30)
        return held

    assert asyncio.run(scenario()) == [9, 10]


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_one_that_is_cancelled_as_another_ends_makes_it_no_larger(cancelled_first: bool) -> None:
    async def scenario() -> list[int]:
        semaphore, done, entered = FairSemaphore(10), asyncio.Event(), list[int]()

        async def hold(size: int) -> None:
            async with semaphore.hold("one", size):
                entered.append(size)
                await done.wait()

        holder, waiter = asyncio.ensure_future(hold(10)), asyncio.ensure_future(hold(8))
        await asyncio.sleep(0)
        in_one_tick = [done.set, waiter.cancel]
        for action in reversed(in_one_tick) if cancelled_first else in_one_tick:
            action()
        await asyncio.gather(holder, waiter, return_exceptions=True)
        done.clear()
        tasks = [asyncio.ensure_future(hold(size)) for size in (9, 2)]
        await asyncio.sleep(0.01)
        seen = [*entered]
        done.set()
        await asyncio.gather(*tasks)
        return seen

    assert asyncio.run(scenario()) == [10, 9]


def test_one_that_is_cancelled_once_it_has_its_turn_gives_it_back() -> None:
    async def scenario() -> None:
        semaphore = FairSemaphore(10)
        first = semaphore.hold("one", 10)
        await first.__aenter__()
        waiter = asyncio.ensure_future(semaphore.hold("one", 8).__aenter__())
        await asyncio.sleep(0)
        await first.__aexit__(None, None, None)  # gives it its turn, which it has not seen yet
        waiter.cancel()
        await asyncio.gather(waiter, return_exceptions=True)
        async with semaphore.hold("one", 10):
            pass

    asyncio.run(asyncio.wait_for(scenario(), 1))


def test_what_waits_behind_a_cancelled_one_that_is_too_large_goes_on() -> None:
    async def scenario() -> list[int]:
        semaphore = FairSemaphore(10)
        held = []

        async def hold(size: int) -> None:
            async with semaphore.hold("one", size):
                held.append(size)
                await asyncio.sleep(0)

        async with semaphore.hold("one", 5):
            large, small = asyncio.ensure_future(hold(9)), asyncio.ensure_future(hold(5))
            await asyncio.sleep(0)
            large.cancel()
            await asyncio.wait_for(small, 30)
        return held

    assert asyncio.run(scenario()) == [5]


def test_what_is_given_back_for_a_while_is_taken_again_in_turn() -> None:
    async def scenario() -> list[str]:
        semaphore, order = FairSemaphore(10), list[str]()

        async def other() -> None:
            async with semaphore.hold("other", 10):
                order.append("other has it")
                await asyncio.sleep(0)
                order.append("other leaves")

        async with semaphore.hold("one", 10) as hold:
            waiting = asyncio.ensure_future(other())
            await asyncio.sleep(0)
            hold.give_back()
            hold.give_back()  # nothing more
            await hold.take()
            order.append("one has it")
            await asyncio.gather(waiting, return_exceptions=True)
            late = asyncio.ensure_future(other())
            await asyncio.sleep(0)
            order.append("one leaves")
        await late
        return order

    got, left = ["other has it", "other leaves"], ["one has it", "one leaves"]
    assert asyncio.run(scenario()) == [*got, *left, *got]


def test_who_fails_without_what_was_given_back_gives_back_no_more() -> None:
    async def scenario() -> None:
        semaphore = FairSemaphore(10)

        async def fail() -> None:
            async with semaphore.hold("one", 10) as hold:
                hold.give_back()
                raise KeyError

        with pytest.raises(KeyError):
            await fail()
        async with semaphore.hold("two", 10):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(semaphore.take("three", 1), 0.05)

    asyncio.run(scenario())


def test_a_caller_leaves_the_share_of_one_who_was_here_free_for_a_while() -> None:
    async def scenario() -> list[int]:
        now, running, counts = [0.0], 0, list[int]()
        semaphore = FairSemaphore(3, most=2, shared_seconds=10.0, clock=lambda: now[0])

        async def edit() -> None:
            nonlocal running
            async with semaphore.hold("busy"):
                running += 1
                await asyncio.sleep(0.01)
                running -= 1

        async def most_of(seconds: float) -> None:
            now[0] = seconds
            edits = [asyncio.ensure_future(edit()) for _ in range(4)]
            most = 0
            while not all(each.done() for each in edits):
                await asyncio.sleep(0)
                most = max(most, running)
            counts.append(most)

        await most_of(0.0)
        async with semaphore.hold("other"):
            await most_of(1.0)
        await most_of(10.9)
        await most_of(11.1)
        return counts

    assert asyncio.run(scenario()) == [2, 1, 1, 2]


def test_who_waits_for_more_than_its_share_gets_it_alone() -> None:
    async def scenario() -> None:
        semaphore = FairSemaphore(10, shared_seconds=10.0)
        async with semaphore.hold("one", 2), semaphore.hold("two", 8):
            pass

    asyncio.run(scenario())
