"""The choice among several ComfyUIs: real sockets, stand-ins behind them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from multiedit.pipelines.adapters.comfyui.client.address import read_address
from multiedit.pipelines.adapters.comfyui.client.client import ServerFacts
from multiedit.pipelines.adapters.comfyui.client.pool import ServerSelection, connected, least_busy, probe
from multiedit.pipelines.common.errors import (
    ModelFilesMissing,
    ModelUnavailable,
    MultiEditError,
    ServerUnreachable,
)
from multiedit.pipelines.common.settings import ComfyUILimits
from multiedit.tests.support.comfyui_peer import Peer, serving

NOBODY = "http://127.0.0.1:9"


def choosing(*peers: Peer | None) -> tuple[ServerSelection[str], list[str]]:
    """The choice among these, None being an address where nobody is; and all addresses."""

    async def run() -> tuple[ServerSelection[str], list[str]]:
        async with AsyncExitStack() as stack:
            for peer in peers:
                if peer is not None:
                    await stack.enter_async_context(serving(peer))
            addresses = [NOBODY if peer is None else peer.url for peer in peers]
            clients = await stack.enter_async_context(
                connected([read_address(address) for address in addresses], ComfyUILimits())
            )
            return least_busy(await probe(clients, ["A"], ["loras"]), _want), addresses

    return asyncio.run(run())


def _want(facts: ServerFacts) -> str:
    if facts.jobs > 100:
        raise ModelFilesMissing("x.safetensors is not in loras.")
    return f"wanted of {facts.version}"


def busy(jobs: int) -> Peer:
    return Peer(queue=[str(job) for job in range(jobs)])


@pytest.mark.parametrize(
    ("jobs", "best"), [([2, 1, 3], 1), ([1, 1], 0), ([0], 0), ([None, 5, None, 4], 3), ([101, 50], 1)]
)
def test_the_least_busy_one_that_can_is_chosen(jobs: list[int | None], best: int) -> None:
    chosen, addresses = choosing(*(None if count is None else busy(count) for count in jobs))
    assert str(chosen.client.address) == addresses[best]
    assert chosen.wanted == "wanted of 0.33.0"
    assert chosen.facts.jobs == jobs[best]
    assert len(chosen.notes) == jobs.count(None)
    assert all(NOBODY in note for note in chosen.notes)


def test_where_none_can_each_one_says_why() -> None:
    lacking = busy(101)
    with pytest.raises(ModelUnavailable) as caught:
        choosing(None, lacking)
    message = caught.value.message
    assert f"The ComfyUI at {NOBODY}: the server cannot be reached." in message
    assert f"{lacking.url}: x.safetensors is not in loras." in message
    assert message.count(NOBODY) == 1


@pytest.mark.parametrize(("peer", "kind"), [(None, ServerUnreachable), (busy(101), ModelFilesMissing)])
def test_the_only_ones_own_error_is_told(peer: Peer | None, kind: type[MultiEditError]) -> None:
    with pytest.raises(MultiEditError) as caught:
        choosing(peer)
    assert type(caught.value) is kind
