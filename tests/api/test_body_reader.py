"""The room for what is in memory: who gets in when."""

from __future__ import annotations

import asyncio

from multiedit.api.body.reader import ByteSemaphore


def test_whoever_finds_no_room_waits_in_order() -> None:
    async def scenario() -> list[str]:
        room, told = ByteSemaphore(10), list[str]()

        async def hold(name: str, size: int, seconds: float) -> None:
            async with room.hold(size):
                told.append(name)
                await asyncio.sleep(seconds)

        await asyncio.gather(
            hold("first", 6, 0.02), hold("second", 6, 0), hold("small", 1, 0), hold("enormous", 99, 0)
        )
        return told

    assert asyncio.run(scenario()) == ["first", "second", "small", "enormous"]


def test_one_that_gives_up_waiting_takes_no_room() -> None:
    async def scenario() -> None:
        room = ByteSemaphore(10)

        async def hold(size: int) -> None:
            async with room.hold(size):
                await asyncio.sleep(0.02)

        first, waiting = asyncio.ensure_future(hold(10)), asyncio.ensure_future(hold(10))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(first, waiting, return_exceptions=True)
        await asyncio.wait_for(hold(10), 1)

    asyncio.run(scenario())
