"""`multiedit serve`: start the HTTP server."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .arguments import add_command, source_loader
from .output import print_note, print_result

if TYPE_CHECKING:
    from ..api.backends.base import Backend
    from ..pipelines.adapters.provider.registry import ProviderRegistry
    from ..pipelines.common.settings import Limits, ServerLimits
    from ..pipelines.sources.source import SourceLoader


def add_parser(subparsers: Any) -> None:
    parser = add_command(subparsers, "serve", serve, "start the HTTP server, see docs/api.md")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: this machine alone")
    parser.add_argument("--port", type=int, default=8787, metavar="N", help="default 8787; 0 for any")
    parser.add_argument(
        "--comfyui",
        action="append",
        default=[],
        metavar="URL",
        help="a ComfyUI for the models that need one; may be repeated",
    )


def serve(options: argparse.Namespace) -> None:
    import asyncio

    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import Limits

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    limits = Limits.from_environment()

    async def run() -> None:
        from ..api.service import make_service
        from ..api.standalone_server import serve as serve_until_ended
        from ..pipelines.common.settings import ServerLimits

        server_limits = ServerLimits.from_environment()
        provider, loader = load_provider(limits), source_loader(limits)
        backend = _backend(options.comfyui, limits, server_limits, provider, loader)
        service = make_service(limits, provider.catalog, loader, backend, server_limits)
        if not (service.guard.configured or service.guard.opened):
            print_note(
                "No API key is configured: every request except the list of models gets 401. "
                "Create one with `multiedit keys add NAME`."
            )
        await serve_until_ended(service, options.host, options.port, listening)

    def listening(address: str) -> None:
        print_result(f"multi-edit listens at {address}/api/v1; its documentation is {address}/v1/docs")

    asyncio.run(run())


def _backend(
    addresses: Sequence[str],
    limits: Limits,
    server_limits: ServerLimits,
    provider: ProviderRegistry,
    loader: SourceLoader,
) -> Backend:
    """Local and provider models in this process; with addresses all others on those ComfyUI servers."""
    from ..api.backends.comfyui import ComfyUIBackend, RoutingBackend
    from ..api.backends.local import LocalBackend
    from ..pipelines.adapters.comfyui.client.address import read_address
    from ..pipelines.adapters.local import local_adapters
    from ..pipelines.common.settings import ComfyUILimits
    from ..pipelines.safety.settings import SafetySettings

    catalog, at_once = provider.catalog, server_limits.edits_at_once
    adapters = {**local_adapters(limits), **provider.adapters(limits, beside_comfyui=bool(addresses))}
    local = LocalBackend(limits, catalog, loader, SafetySettings.from_environment(), at_once, adapters)
    if not addresses:
        return local
    servers = [read_address(address) for address in addresses]
    comfyui_limits = ComfyUILimits.from_environment()
    return RoutingBackend(
        local, ComfyUIBackend(limits, catalog, loader, lambda: servers, comfyui_limits, at_once)
    )
