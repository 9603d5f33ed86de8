"""The same routes on ComfyUI's own server, where they are mounted when the pack is loaded."""

from __future__ import annotations

import logging

from ..pipelines.adapters.comfyui.client.address import Address, read_address
from ..pipelines.adapters.provider.registry import load_provider
from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.settings import ComfyUILimits, Limits, ServerLimits
from ..pipelines.safety.settings import SafetySettings
from ..pipelines.sources.fetch import PictureFetcher
from ..pipelines.sources.source import SourceLoader
from .backends.base import Backend
from .backends.comfyui import ComfyUIBackend, RoutingBackend
from .backends.local import LocalBackend
from .mount import route_definitions
from .service import Service, make_service

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # what to connect to instead
_logger = logging.getLogger(__name__)


def mount() -> None:
    """Add the routes; ComfyUI mounts each below /api as well. Its nodes do not depend on it."""
    from server import PromptServer

    server = getattr(PromptServer, "instance", None)
    if server is None:
        return
    try:
        service = _service()
    except MultiEditError as error:
        _logger.error("multi-edit: the HTTP API is not there: %s", error.message)
        return
    for route in route_definitions(service):
        server.routes.route(route.method, route.path)(route.handler)


def _service() -> Service:
    limits, server_limits = Limits.from_environment(), ServerLimits.from_environment()
    hosting = load_provider(limits)
    catalog, at_once = hosting.catalog, server_limits.edits_at_once
    loader = SourceLoader(limits, PictureFetcher(limits).fetch)
    backend: Backend = ComfyUIBackend(
        limits, catalog, loader, _own_address, ComfyUILimits.from_environment(), at_once
    )
    if adapters := hosting.adapters(limits, beside_comfyui=True):
        safety = SafetySettings.from_environment()
        backend = RoutingBackend(LocalBackend(limits, catalog, loader, safety, at_once, adapters), backend)
    return make_service(limits, catalog, loader, backend, server_limits)


def _own_address() -> list[Address]:
    """The server's own address, which it knows once it listens."""
    from server import PromptServer

    server = PromptServer.instance
    host = _EVERYWHERE.get(server.address, server.address)
    return [read_address(f"http://{f'[{host}]' if ':' in host else host}:{server.port}")]
