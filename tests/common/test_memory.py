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
            async with budget.hold(need):
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
        async with MemoryBudget(1_000_000_000).hold(2_000_000_000):
            raise AssertionError("it must not begin")

    message = r"need about 2000 MB of memory .* the limit is 1000 MB.*MULTIEDIT_MEMORY_BYTES sets the limit"
    with pytest.raises(ImageTooLarge, match=message) as refused:
        asyncio.run(scenario())
    assert refused.value.field == "images"


@pytest.mark.parametrize(("text", "bound"), [("4096\n", 4096), ("max\n", None), (f"{2**63 - 4096}\n", None)])
def test_a_container_s_limit_counts(tmp_path: Path, text: str, bound: int | None) -> None:
    own = machine_memory(cgroup_files=())
    (tmp_path / "memory.max").write_text(text)
    assert machine_memory((str(tmp_path / "memory.max"), str(tmp_path / "none"))) == (bound or own)
    assert own > 2**28
