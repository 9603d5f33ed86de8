"""Edits of closed models at a peer of this machine, with folders of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from multiedit.pipelines.adapters.provider.registry import ProviderRegistry, load_provider
from multiedit.pipelines.common.settings import Limits
from multiedit.pipelines.common.types import Away
from multiedit.pipelines.editing.pipeline import EditPipeline, EditResult
from multiedit.pipelines.planning.request import parse_request
from multiedit.pipelines.sources.source import BytesSource, SourceLoader
from multiedit.tests.support.classifiers import default_classifier
from multiedit.tests.support.provider_peer import HostedPeer

LIMITS = Limits()


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """The environment with folders that are nobody's."""
    return {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("CONFIG", "CACHE", "STATE")}


async def _no_network(url: str, name: str) -> bytes:
    raise AssertionError("nothing is fetched here")


def editor(hosting: ProviderRegistry, tell: Callable[[str], None] = lambda text: None) -> EditPipeline:
    adapters = hosting.adapters(LIMITS, tell)
    return EditPipeline(
        LIMITS, hosting.catalog, adapters, SourceLoader(LIMITS, _no_network), default_classifier
    )


Edit = Callable[..., EditResult]


@pytest.fixture
def edit(folders: Mapping[str, str]) -> Edit:
    """Edits at a peer: `edit(peer, picture, ..., environment={}, away=..., **fields)`."""

    def carry_out(
        peer: HostedPeer,
        *pictures: bytes,
        environment: Mapping[str, str] | None = None,
        away: Away = contextlib.nullcontext,
        **fields: Any,
    ) -> EditResult:
        hosting = load_provider(LIMITS, {**folders, **peer.environment, **(environment or {})})
        given = {"prompt": "a red hat", "modelId": "nano-banana-2-edit", "safe_mode": False, **fields}
        request = parse_request({**given, "images": [BytesSource(data) for data in pictures]}, LIMITS)
        tell = fields.pop("tell", lambda text: None)
        return asyncio.run(editor(hosting, tell).edit(request, away=away))

    return carry_out
