"""`multiedit serve` and `multiedit keys`: the HTTP face from the shell."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import say, tell, tell_json

if TYPE_CHECKING:
    from ..api.access.keys import KeyFile
    from ..api.backends.base import Backend
    from ..pipelines.adapters.provider.registry import ProviderRegistry
    from ..pipelines.common.settings import Limits, ServerLimits
    from ..pipelines.sources.source import SourceLoader


def serve(options: argparse.Namespace) -> None:
    import asyncio

    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import Limits
    from .commands import source_loader

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    limits = Limits.from_environment()

    async def run() -> None:
        from ..api.service import make_service
        from ..api.standalone_server import serve as serve_until_ended
        from ..pipelines.common.settings import ServerLimits

        server_limits = ServerLimits.from_environment()
        hosting, loader = load_provider(limits), source_loader(limits)
        backend = _backend(options.comfyui, limits, server_limits, hosting, loader)
        service = make_service(limits, hosting.catalog, loader, backend, server_limits)
        if not (service.guard.configured or service.guard.opened):
            say(
                "There is no API key yet: every request but the list of models will get 401. "
                "Make one with `multiedit keys add NAME`."
            )
        await serve_until_ended(service, options.host, options.port, listening)

    def listening(address: str) -> None:
        tell(f"multi-edit listens at {address}/api/v1; its documentation is {address}/v1/docs")

    asyncio.run(run())


def _backend(
    addresses: Sequence[str],
    limits: Limits,
    server_limits: ServerLimits,
    hosting: ProviderRegistry,
    loader: SourceLoader,
) -> Backend:
    """The embedded models in this process, closed ones hosted; with addresses all others there."""
    from ..api.backends.comfyui import ComfyUIBackend, RoutingBackend
    from ..api.backends.local import LocalBackend
    from ..pipelines.adapters.comfyui.client.address import read_address
    from ..pipelines.adapters.local import local_adapters
    from ..pipelines.common.settings import ComfyUILimits
    from ..pipelines.safety.settings import SafetySettings

    catalog, at_once = hosting.catalog, server_limits.edits_at_once
    adapters = {**local_adapters(limits), **hosting.adapters(limits, beside_comfyui=bool(addresses))}
    here = LocalBackend(limits, catalog, loader, SafetySettings.from_environment(), at_once, adapters)
    if not addresses:
        return here
    read = [read_address(address) for address in addresses]
    comfyui_limits = ComfyUILimits.from_environment()
    return RoutingBackend(
        here, ComfyUIBackend(limits, catalog, loader, lambda: read, comfyui_limits, at_once)
    )


def _key_file() -> KeyFile:
    from ..api.access.keys import KeyFile, default_path

    return KeyFile(default_path())


def add_key(options: argparse.Namespace) -> None:
    key = _key_file().add(options.name)
    if options.json:
        tell_json({"key": key})
        return
    tell(key)
    say("This is the only time that it is shown; the file keeps a hash.")


def list_keys(options: argparse.Namespace) -> None:
    keys = _key_file().keys().values()
    if options.json:
        shown = ("id", "name", "created")
        tell_json([{name: dataclasses.asdict(key)[name] for name in shown} for key in keys])
        return
    for key in keys:
        tell(f"{key.id}  {key.name}")


def revoke_key(options: argparse.Namespace) -> None:
    key = _key_file().revoke(options.id)
    if options.json:
        tell_json({"id": key.id, "name": key.name})
        return
    say(f"{key.id} ({key.name}) is revoked.")
