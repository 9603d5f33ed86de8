"""`multiedit serve`: start the HTTP server."""

from __future__ import annotations

import argparse
import logging
import sys
from typing import Any

from ..pipelines.common.validation import integer
from .arguments import add_command, source_loader, whole_number
from .output import print_note, print_result

_TURN_SECONDS = 0.0005


def add_parser(subparsers: Any) -> None:
    parser = add_command(subparsers, "serve", serve, "start the HTTP server, see docs/api.md")
    parser.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default: this machine alone")
    parser.add_argument(
        "--port", type=whole_number("--port"), default=8787, metavar="N", help="default 8787; 0 for any"
    )
    parser.add_argument(
        "--comfyui",
        action="append",
        default=[],
        metavar="URL",
        help="a ComfyUI for the models that need one; may be repeated",
    )


def serve(options: argparse.Namespace) -> None:
    import asyncio

    integer(options.port, "--port", low=0, high=65535)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asyncio.run(_serve(options))


async def _serve(options: argparse.Namespace) -> None:
    """Serve local and provider models from this process, all others from the ComfyUI servers."""
    from ..api.backends.routing import make_backend
    from ..api.flat_memory import return_large_blocks
    from ..api.service import Service
    from ..api.standalone_server import serve as serve_until_ended
    from ..pipelines.adapters.comfyui.client.address import read_address
    from ..pipelines.adapters.local import local_adapters
    from ..pipelines.adapters.provider.registry import load_provider
    from ..pipelines.common.settings import RequestLimits, ServerLimits

    return_large_blocks()
    # Python's own 5 ms for each turn of a thread add up where one key keeps others busy.
    sys.setswitchinterval(_TURN_SECONDS)
    limits, server_limits = RequestLimits.from_environment(), ServerLimits.from_environment()
    provider, loader = load_provider(limits), source_loader(limits)
    servers = [read_address(url) for url in options.comfyui]
    adapters = {**local_adapters(limits), **provider.adapters(limits, beside_comfyui=bool(servers))}
    addresses = (lambda: servers) if servers else None
    backend = make_backend(limits, provider.catalog, loader, server_limits, adapters, addresses)
    service = Service(limits, provider.catalog, loader, backend, server_limits)
    if not (service.guard.configured or service.guard.opened):
        print_note(
            "No API key is configured: every request except the list of models gets 401. "
            "Create one with `multiedit keys add NAME`."
        )
    await serve_until_ended(service, options.host, options.port, _print_address)


def _print_address(address: str) -> None:
    print_result(f"multi-edit listens at {address}/api/v1; its documentation is {address}/v1/docs")
