"""Several ComfyUIs: which of them can do something, and the least busy one of those."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from ....common.errors import ModelUnavailable, MultiEditError
from ....common.settings import ComfyUILimits
from .address import Address
from .client import ComfyUIClient, ServerFacts

_Wanted = TypeVar("_Wanted")


@dataclass(frozen=True)
class ServerStatus:
    """A ComfyUI that was probed: its facts, or the error of asking for them."""

    client: ComfyUIClient
    facts: ServerFacts | MultiEditError


@dataclass(frozen=True)
class ServerSelection(Generic[_Wanted]):
    """The ComfyUI that was selected, what was wanted of it, and a sentence for each that does not respond."""

    client: ComfyUIClient
    facts: ServerFacts
    wanted: _Wanted
    notes: tuple[str, ...]


@asynccontextmanager
async def connected(
    addresses: Sequence[Address], limits: ComfyUILimits
) -> AsyncIterator[list[ComfyUIClient]]:
    """A client for each address."""
    async with AsyncExitStack() as stack:
        clients = [ComfyUIClient(address, limits) for address in addresses]
        yield [await stack.enter_async_context(client) for client in clients]


async def probe(
    clients: Sequence[ComfyUIClient], nodes: Collection[str], folders: Collection[str]
) -> list[ServerStatus]:
    """Describe all at the same time (see `ComfyUIClient.describe`); one that fails is no error yet."""

    async def look(client: ComfyUIClient) -> ServerStatus:
        try:
            return ServerStatus(client, await client.describe(nodes, folders))
        except MultiEditError as error:
            return ServerStatus(client, error)

    return await asyncio.gather(*map(look, clients))


def least_busy(
    seen: Sequence[ServerStatus], want: Callable[[ServerFacts], _Wanted]
) -> ServerSelection[_Wanted]:
    """Of those that can do what is wanted, the one with the fewest jobs; of several the first.

    Args:
        want: what the server would do it with; raises `MultiEditError` where it cannot.

    Raises:
        MultiEditError: none can. One server's own error where there is one server; else ModelUnavailable,
            with the reason of each.
    """
    able: list[ServerSelection[_Wanted]] = []
    unable: list[MultiEditError] = []
    silent = tuple(each.facts.message for each in seen if isinstance(each.facts, MultiEditError))
    for each in seen:
        try:
            if isinstance(each.facts, MultiEditError):
                raise each.facts
            able.append(ServerSelection(each.client, each.facts, want(each.facts), silent))
        except MultiEditError as error:
            unable.append(error)
    if able:
        return min(able, key=lambda chosen: chosen.facts.jobs)
    if len(unable) == 1:
        raise unable[0]
    reasons = " ".join(_reason(each, error) for each, error in zip(seen, unable, strict=True))
    raise ModelUnavailable(
        f"None of the {len(seen)} ComfyUI servers can run this edit: {reasons}", field="modelId"
    )


def _reason(each: ServerStatus, error: MultiEditError) -> str:
    address = str(each.client.address)
    return error.message if address in error.message else f"{address}: {error.message}"
