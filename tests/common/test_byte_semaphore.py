"""The byte semaphore: order and cancellation."""

from __future__ import annotations

import asyncio

from multiedit.pipelines.common.byte_semaphore import ByteSemaphore


def test_holders_wait_in_order() -> None:
    async def scenario() -> list[str]:
        semaphore, order = ByteSemaphore(10), list[str]()

        async def hold(name: str, size: int) -> None:
            async with semaphore.hold(size):
                order.append(name)
                await asyncio.sleep(0)

        await asyncio.gather(hold("first", 6), hold("second", 6), hold("small", 1), hold("enormous", 99))
        return order

    assert asyncio.run(scenario()) == ["first", "second", "small", "enormous"]


def test_a_cancelled_holder_holds_nothing() -> None:
    async def scenario() -> list[int]:
        semaphore = ByteSemaphore(10)
        held = []

        async def hold(size: int) -> None:
            async with semaphore.hold(size):
                held.append(size)
                await asyncio.sleep(0)

        first, waiting = asyncio.ensure_future(hold(9)), asyncio.ensure_future(hold(8))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(first, waiting, return_exceptions=True)
        await asyncio.wait_for(hold(10), 1)
        return held

    assert asyncio.run(scenario()) == [9, 10]


def test_what_waits_behind_a_cancelled_one_that_is_too_large_goes_on() -> None:
    async def scenario() -> list[int]:
        semaphore = ByteSemaphore(10)
        held = []

        async def hold(size: int) -> None:
            async with semaphore.hold(size):
                held.append(size)
                await asyncio.sleep(0)

        async with semaphore.hold(5):
            large, small = asyncio.ensure_future(hold(9)), asyncio.ensure_future(hold(5))
            await asyncio.sleep(0)
            large.cancel()
            await asyncio.wait_for(small, 1)
        return held

    assert asyncio.run(scenario()) == [5]
