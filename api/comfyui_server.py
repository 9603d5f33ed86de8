"""The same routes on ComfyUI's own server, mounted when it loads the pack."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from ..pipelines.adapters.comfyui.client.address import Address, read_address
from ..pipelines.adapters.provider.registry import load_provider
from ..pipelines.common.errors import MultiEditError
from ..pipelines.common.settings import ComfyUILimits, Limits, RequestLimits, ServerLimits
from ..pipelines.sources.fetch import ImageFetcher
from ..pipelines.sources.source import SourceLoader
from .backends.routing import make_backend
from .comfyui_files import cleaning
from .route_definitions import route_definitions
from .service import Service
from .stage import StageRoutes

_CONNECT_TO = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # by listening address
_logger = logging.getLogger(__name__)


def mount() -> None:
    """Add the routes; ComfyUI mounts each below /api as well. The nodes do not depend on them."""
    from server import PromptServer

    server = getattr(PromptServer, "instance", None)
    if server is None:
        return
    for stage_route in StageRoutes(_input_file, Limits.from_environment()).definitions():
        server.routes.route(stage_route.method, stage_route.path)(stage_route.handler)
    try:
        service = _make_service()
    except MultiEditError as error:
        _logger.error("multi-edit: HTTP API not mounted: %s", error.message)
        return
    for route in route_definitions(service):
        server.routes.route(route.method, route.path)(route.handler)
    seconds = ComfyUILimits.from_environment().comfyui_files_seconds
    server.app.cleanup_ctx.append(cleaning(_folders, seconds))


def _input_file(name: str) -> Path | None:
    """The file that ComfyUI means by a name ("cup.png", "cup.png [output]"); None where there is none."""
    import folder_paths

    if not name or not folder_paths.exists_annotated_filepath(name):
        return None
    path = Path(os.path.abspath(folder_paths.get_annotated_filepath(name)))
    # Older versions of ComfyUI do not look whether a name leads out of its folder.
    folders = (folder_paths.get_directory_by_type(kind) for kind in ("input", "output", "temp"))
    return path if path.is_file() and any(map(path.is_relative_to, folders)) else None


def _folders() -> list[Path]:
    import folder_paths

    return [Path(folder_paths.get_input_directory()), Path(folder_paths.get_output_directory())]


def _make_service() -> Service:
    limits, server_limits = RequestLimits.from_environment(), ServerLimits.from_environment()
    provider = load_provider(limits)
    loader = SourceLoader(limits, ImageFetcher(limits).fetch)
    adapters = provider.adapters(limits, beside_comfyui=True)
    backend = make_backend(limits, provider.catalog, loader, server_limits, adapters, _own_address)
    return Service(limits, provider.catalog, loader, backend, server_limits)


def _own_address() -> list[Address]:
    """Return the server's own address, known once it listens."""
    from server import PromptServer

    server = PromptServer.instance
    host = _CONNECT_TO.get(server.address, server.address)
    return [read_address(f"http://{f'[{host}]' if ':' in host else host}:{server.port}")]
