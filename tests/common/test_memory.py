"""The budget of memory: who waits, who is refused, and how much there is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from multiedit.pipelines.common.errors import ImageTooLarge
from multiedit.pipelines.common.memory import MemoryBudget, machine_memory


def test_work_waits_for_memory_in_order() -> None:
    async def scenario() -> tuple[list[int], int]:
        budget, order, held, most = MemoryBudget(10), list[int](), [0], 0

        async def work(need: int) -> None:
            nonlocal most
            async with budget.hold("one", need):
                order.append(need)
                held[0] += need
                most = max(most, held[0])
                await asyncio.sleep(0)
                held[0] -= need

        await asyncio.gather(*map(work, (6, 5, 10, 1, 4)))
        return order, most

    assert asyncio.run(scenario()) == ([6, 5, 10, 1, 4], 10)


def test_what_never_fits_is_refused_at_once() -> None:
    async def scenario() -> None:
        async with MemoryBudget(1_000_000_000).hold("one", 2_000_000_000):
            raise AssertionError("it must not begin")

    message = r"need about 2000 MB of memory .* the limit is 1000 MB.*MULTIEDIT_MEMORY_BYTES sets the limit"
    with pytest.raises(ImageTooLarge, match=message) as refused:
        asyncio.run(scenario())
    assert refused.value.field == "images"


def test_what_needs_more_than_half_of_the_machine_runs_alone() -> None:
    async def scenario() -> list[int]:
        budget, held, order = MemoryBudget(machine=lambda: 20), 0, list[int]()

        async def work(need: int) -> None:
            nonlocal held
            async with budget.hold(str(need), need):
                held += 1
                order.append(held)
                await asyncio.sleep(0)
                held -= 1

        await asyncio.gather(*map(work, (4, 19, 6, 3)))
        with pytest.raises(ImageTooLarge):
            await work(21)
        return order

    assert asyncio.run(scenario()) == [1, 1, 1, 2]


@pytest.mark.parametrize(
    ("group", "file", "text", "bound"),
    [
        ("0::/\n", "memory.max", "4096\n", 4096),
        ("0::/\n", "memory.max", "max\n", None),
        ("0::/system.slice/a.service\n", "system.slice/a.service/memory.max", "4096\n", 4096),
        ("0::/system.slice/a.service\n", "system.slice/memory.max", "8192\n", 8192),
        ("0::/system.slice/a.service\n", "other.slice/memory.max", "4096\n", None),
        ("4:cpu,memory:/a/b\n0::/\n", "memory/a/memory.limit_in_bytes", "4096\n", 4096),
        ("4:memory:/\n", "memory/memory.limit_in_bytes", f"{2**63 - 4096}\n", None),
    ],
)
def test_the_limit_of_a_container_or_a_service_counts(
    tmp_path: Path, group: str, file: str, text: str, bound: int | None
) -> None:
    own = machine_memory(tmp_path)  # nothing there yet
    for name, content in (("proc/self/cgroup", group), (f"sys/fs/cgroup/{file}", text)):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text(content)
    assert machine_memory(tmp_path) == (bound or own)
    assert own > 2**28
